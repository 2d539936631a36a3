/** The pictures of README and of the documents, by the name of their file in docs/images. */
import { type Arrow, type Box, type Picture, svg } from './picture.ts'

/** Client, gate, registry, and where policy and keys come from. */
const OVERVIEW: Picture = {
  width: 900,
  height: 290,
  description:
    'Clients call the gate. The gate reads signed policy from Workers KV, takes public keys from issuers, and forwards allowed calls to the registry.',
  boxes: [
    {
      x: 0,
      y: 110,
      width: 200,
      height: 90,
      title: 'Clients',
      lines: ['docker, podman, crane,', 'nodes, CI jobs, scanners'],
      kind: 'outside',
    },
    {
      x: 340,
      y: 100,
      width: 220,
      height: 110,
      title: 'Dockgate, the gate',
      lines: ['parses the request', 'verifies the credential', 'decides by policy'],
      kind: 'accent',
    },
    {
      x: 700,
      y: 110,
      width: 200,
      height: 90,
      title: 'Your registry',
      lines: ['any OCI or Docker v2', 'registry, unchanged'],
      kind: 'outside',
    },
    { x: 340, y: 0, width: 220, height: 52, title: 'Workers KV', lines: ['signed policy bundles'] },
    { x: 0, y: 0, width: 200, height: 52, title: 'Policy files in git', lines: ['checked, tested, pushed'] },
    {
      x: 340,
      y: 238,
      width: 220,
      height: 52,
      title: 'Issuers (OIDC)',
      lines: ['public keys of JWTs'],
      kind: 'outside',
    },
  ],
  arrows: [
    { from: [200, 155], to: [338, 155], label: 'token or JWT' },
    { from: [560, 140], to: [698, 140], label: "the gate's credential" },
    { from: [200, 26], to: [338, 26], label: 'dockgate push' },
    { from: [450, 52], to: [450, 98] },
    { from: [450, 238], to: [450, 212] },
  ],
  notes: [{ x: 568, y: 164, text: 'only allowed requests' }],
}

/** How the rules of a policy set belong together. */
const MODEL: Picture = {
  width: 900,
  height: 300,
  description:
    'A token has a scope map. An identity gets a role by a role assignment. A deny assignment takes rights away from both.',
  boxes: [
    { x: 0, y: 0, width: 190, height: 72, title: 'Token', lines: ['name and passwords,', 'for devices, old tools'] },
    {
      x: 250,
      y: 0,
      width: 190,
      height: 72,
      title: 'Scope map',
      lines: ['actions on repositories,', 'one for each token'],
    },
    {
      x: 0,
      y: 114,
      width: 190,
      height: 72,
      title: 'Identity',
      lines: ['a rule over the claims', "of an issuer's JWT"],
    },
    {
      x: 250,
      y: 114,
      width: 190,
      height: 72,
      title: 'Role assignment',
      lines: ['on repositories,', 'or with a condition'],
    },
    { x: 500, y: 114, width: 160, height: 72, title: 'Role', lines: ["Azure's built-in", 'roles, or your own'] },
    {
      x: 720,
      y: 0,
      width: 180,
      height: 300,
      title: 'Permissions',
      lines: ['content/read', 'content/write', 'content/delete', 'metadata/read', '...'],
      kind: 'accent',
    },
    {
      x: 250,
      y: 228,
      width: 190,
      height: 72,
      title: 'Deny assignment',
      lines: ['takes permissions away,', 'always wins'],
    },
  ],
  arrows: [
    { from: [190, 36], to: [248, 36], label: 'has' },
    { from: [440, 36], to: [718, 36], label: 'allows' },
    { from: [190, 150], to: [248, 150], label: 'gets' },
    { from: [440, 150], to: [498, 150], label: 'of' },
    { from: [660, 150], to: [718, 150], label: 'allows' },
    { from: [440, 264], to: [718, 264], label: 'removes', isDashed: true },
  ],
}

/** One line of a sequence: who sends what to whom. */
type Message = { readonly from: number; readonly to: number; readonly text: string; readonly isAnswer?: boolean }

/** A sequence of messages between actors, from top to bottom. */
function sequence(description: string, actors: readonly string[], messages: readonly Message[]): Picture {
  const [width, step, top] = [900, 36, 70]
  const lane = (index: number) => 90 + (index * (width - 180)) / (actors.length - 1)
  const height = top + step * messages.length
  const boxes = actors.map((title, index): Box => ({ x: lane(index) - 90, y: 0, width: 180, height: 32, title }))
  const lanes = actors.map(
    (_, index): Arrow => ({ from: [lane(index), 34], to: [lane(index), height], isDashed: true, isLine: true }),
  )
  const arrows = messages.map(({ from, to, text, isAnswer }, index): Arrow => {
    const y = top + step * index
    const [start, end] = [lane(from), lane(to)]
    const inset = start < end ? -2 : 2
    return { from: [start, y], to: [end + inset, y], label: text, isDashed: isAnswer === true }
  })
  return { width, height, description, boxes, arrows: [...lanes, ...arrows] }
}

const TOKEN_FLOW = sequence(
  'A client without a token gets 401 with a challenge, asks the token endpoint, and repeats the request with the token.',
  ['Client', 'Gate', 'Registry'],
  [
    { from: 0, to: 1, text: 'GET /v2/samples/app/manifests/v1' },
    { from: 1, to: 0, text: '401, Bearer challenge with realm and scope', isAnswer: true },
    { from: 0, to: 1, text: 'GET /token?scope=... with name and password, or a JWT' },
    { from: 1, to: 0, text: '{"token": "..."}: an identity with an upper bound', isAnswer: true },
    { from: 0, to: 1, text: 'GET /v2/samples/app/manifests/v1 with the token' },
    { from: 1, to: 2, text: "the request, rebuilt, with the gate's credential" },
    { from: 2, to: 1, text: '200, manifest', isAnswer: true },
    { from: 1, to: 0, text: '200, manifest', isAnswer: true },
  ],
)

/** When a pushed change is in force. */
const IN_FORCE: Picture = {
  width: 900,
  height: 150,
  description:
    'A pushed bundle reaches KV at once, other locations in about 60 seconds, and each gate at its next read of the pointer.',
  boxes: [
    { x: 0, y: 0, width: 190, height: 72, title: 'dockgate push', lines: ['shards first,', 'then the pointer'] },
    { x: 236, y: 0, width: 190, height: 72, title: 'Workers KV', lines: ['other locations see it', 'in about 60 s'] },
    { x: 472, y: 0, width: 190, height: 72, title: 'Gate', lines: ['reads the pointer again', 'after at most 30 s'] },
    {
      x: 708,
      y: 0,
      width: 192,
      height: 72,
      title: 'In force',
      lines: ['tokens already issued', 'obey it too'],
      kind: 'accent',
    },
  ],
  arrows: [
    { from: [190, 36], to: [234, 36] },
    { from: [426, 36], to: [470, 36] },
    { from: [662, 36], to: [706, 36] },
  ],
  notes: [
    {
      x: 0,
      y: 108,
      text: 'KV cannot be read: the gate keeps the last good policy for 6 hours (MAX_STALENESS_SECONDS), then answers 503.',
    },
    {
      x: 0,
      y: 130,
      text: 'A bundle that is broken, unsigned, for another gate or older than the one in force is ignored and reported in /readyz.',
    },
  ],
}

/** The ways around a gate that an operator has to close. */
const SIDE_DOORS: Picture = {
  width: 900,
  height: 250,
  description:
    'Clients must reach the registry only through the gate. The registry address, other credentials and other routes of the Worker must be closed.',
  boxes: [
    { x: 0, y: 90, width: 180, height: 56, title: 'Clients', kind: 'outside', lines: ['anyone'] },
    {
      x: 330,
      y: 0,
      width: 230,
      height: 56,
      title: 'Gate on its own domain',
      lines: ['route fails closed'],
      kind: 'accent',
    },
    {
      x: 330,
      y: 90,
      width: 230,
      height: 56,
      title: "Registry's own address",
      lines: ['close: network or tunnel only'],
    },
    {
      x: 330,
      y: 180,
      width: 230,
      height: 56,
      title: 'workers.dev and previews',
      lines: ['close: false in wrangler.toml'],
    },
    {
      x: 700,
      y: 90,
      width: 200,
      height: 72,
      title: 'Registry',
      lines: ["accepts the gate's own", 'credential and no other'],
      kind: 'outside',
    },
  ],
  arrows: [
    { from: [180, 110], to: [328, 30] },
    { from: [180, 118], to: [328, 118], isDashed: true },
    { from: [180, 126], to: [328, 206], isDashed: true },
    { from: [560, 28], to: [698, 110] },
    { from: [560, 118], to: [698, 126], isDashed: true },
    { from: [560, 208], to: [698, 144], isDashed: true },
  ],
}

/** A terminal with the lines of one command. */
const terminal = (x: number, title: string, lines: readonly string[]): Box => ({
  x,
  y: 0,
  width: 440,
  height: 40 + 16 * lines.length,
  title,
  lines,
  kind: 'terminal',
})

const TERMINALS: Picture = {
  width: 900,
  height: 136,
  description: 'Two terminals. A push by the token ci is allowed. A push by the token nodes is denied with the reason.',
  boxes: [
    terminal(0, 'token ci', [
      '$ crane push app.tar localhost:8787/samples/app:v1',
      'pushed blob: sha256:...',
      'localhost:8787/samples/app@sha256:...',
      '',
      'allow  by scope map samples-push',
    ]),
    terminal(460, 'token nodes', [
      '$ crane push app.tar localhost:8787/samples/app:v1',
      'Error: DENIED: token:nodes has no content/write',
      'on samples/app',
      '',
      'deny  no byte of it reached the registry',
    ]),
  ],
}

/** Every picture, as the text of its SVG file. */
export const PICTURES: Readonly<Record<string, () => string>> = Object.fromEntries(
  Object.entries({
    'overview.svg': OVERVIEW,
    'terminals.svg': TERMINALS,
    'model.svg': MODEL,
    'token-flow.svg': TOKEN_FLOW,
    'in-force.svg': IN_FORCE,
    'side-doors.svg': SIDE_DOORS,
  }).map(([name, picture]) => [name, () => svg(picture)]),
)
