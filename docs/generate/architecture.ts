/** The parts of docs/architecture.md that the table of rooms says: the list, and the pictures of floors and journeys. */
import { code, table } from './markdown.ts'
import { type Box, svg, wrap } from './picture.ts'
import { ROOMS, type Room } from './rooms.ts'

const WIDTH = 960
const GAP = 12

/** How far a room is above the ground: one more than the highest room that it imports. */
function floorOf(room: Room): number {
  const below = ROOMS.filter(({ path }) => room.imports.includes(path))
  return below.length === 0 ? 0 : 1 + Math.max(...below.map(floorOf))
}

/** The rooms as floors: each room imports only from floors below its own. */
export function floorsPicture(): string {
  const floors = Map.groupBy(ROOMS, floorOf)
  const levels = [...floors.keys()].sort((a, b) => b - a)
  const boxes = levels.reduce<{ readonly y: number; readonly boxes: readonly Box[] }>(
    ({ y, boxes }, level) => {
      const rooms = floors.get(level) ?? []
      const width = (WIDTH - GAP * (rooms.length - 1)) / rooms.length
      const texts = rooms.map(({ purpose }) => wrap(purpose, Math.floor((width - 20) / 6.4)))
      const height = 34 + 16 * Math.max(...texts.map(({ length }) => length))
      const row = rooms.map(
        ({ path }, index): Box => ({
          x: index * (width + GAP),
          y,
          width,
          height,
          title: path.replace(/^src\//, ''),
          lines: texts[index] ?? [],
          kind: path === 'src/policy/decide' ? 'accent' : 'plain',
        }),
      )
      return { y: y + height + GAP, boxes: [...boxes, ...row] }
    },
    { y: 0, boxes: [] },
  )
  return svg({
    width: WIDTH,
    height: boxes.y,
    description: 'The rooms of the source tree as floors. Each room imports only rooms on the floors below it.',
    boxes: boxes.boxes,
  })
}

type Step = { readonly room: string; readonly does: string }

/** The way of one registry request through the rooms. */
export const REQUEST_JOURNEY: readonly Step[] = [
  { room: 'src/worker', does: 'app.ts takes the request, gate.ts leads it' },
  { room: 'src/registry', does: 'parses method and path, or refuses' },
  { room: 'src/worker/hosts', does: 'chooses registry and policy by host name' },
  { room: 'src/worker/store', does: 'gives the policy in force' },
  { room: 'src/worker/identity', does: 'verifies the credential' },
  { room: 'src/policy/decide', does: 'allows or denies' },
  { room: 'src/worker/forward', does: 'rebuilds the request from what was parsed' },
  { room: 'src/worker/upstream', does: 'adds the credential, asks the registry' },
  { room: 'src/worker/answers', does: 'writes the answer and the audit record' },
]

/** The way of a policy file from the operator's folder to the gate. */
export const POLICY_JOURNEY: readonly Step[] = [
  { room: 'src/files', does: 'reads YAML and JSON, with the place of each error' },
  { room: 'src/policy/condition', does: 'parses the text of conditions' },
  { room: 'src/policy/azure', does: 'resolves roles and scope maps' },
  { room: 'src/lint', does: 'warns about what is probably not meant' },
  { room: 'src/policy/compile', does: 'makes the compiled policy' },
  { room: 'src/bundle', does: 'cuts it into shards, signs the manifest' },
  { room: 'src/cli/bundles', does: 'uploads shards first, then the pointer' },
  { room: 'src/worker/store', does: 'verifies and loads it in the gate' },
]

/** A journey as a row of boxes, three in a line. */
export function journeyPicture(description: string, steps: readonly Step[]): string {
  const [columns, height, gap] = [3, 56, 36]
  const width = (WIDTH - gap * (columns - 1)) / columns
  const boxes = steps.map(({ room, does }, index): Box => {
    const [row, column] = [Math.floor(index / columns), index % columns]
    const title = `${index + 1}. ${room.replace(/^src\//, '')}`
    return { x: column * (width + gap), y: row * (height + gap), width, height, title, lines: [does] }
  })
  const arrows = boxes.slice(1).map((to, index) => {
    const from = boxes[index] ?? to
    return from.y === to.y
      ? { from: [from.x + width, from.y + height / 2], to: [to.x, to.y + height / 2] }
      : { from: [from.x + width / 2, from.y + height], to: [to.x + width / 2, to.y] }
  }) as { from: [number, number]; to: [number, number] }[]
  return svg({
    width: WIDTH,
    height: Math.ceil(steps.length / columns) * (height + gap) - gap,
    description,
    boxes,
    arrows,
  })
}

/** The table of rooms, with what each may import. */
export const architectureParts = (): Readonly<Record<string, string>> => ({
  rooms: table(
    ['room', 'purpose'],
    ROOMS.map(({ path, purpose }) => [code(path), purpose]),
  ),
})
