/**
 * Two pushes of different digests to one write-once tag at the same moment, and a deletion of one of the manifests, in many
 * orders and with faults: the object restarts, its answers are lost, the registry fails before or after it has done its
 * work, or does it after its answer was given up.
 */
import { evictDurableObject, runInDurableObject } from 'cloudflare:test'
import { env as bindings } from 'cloudflare:workers'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { StateCalls } from '../../../src/worker/protections/state/calls.ts'
import { catchLog } from '../gate-world.ts'
import { digestOf, MANIFEST_TYPE, manifestOf, protectedWorld, stateOf, writeOnce } from './world.ts'

afterEach(() => vi.restoreAllMocks())

const INTERLEAVINGS = 10_000
/** Interleavings that run at once, each with a tag of its own in the same repository. */
const BATCH = 25
const PATH = '/v2/stable/app/manifests'

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

type Outcome = { readonly winners: number; readonly moves: number; readonly isLost: boolean; readonly isStuck: boolean }

function createRace(random: () => number) {
  let hasFaults = true
  /** Digests that the registry has had for each tag, in order. */
  const history = new Map<string, string[]>()
  const pause = async (): Promise<void> => {
    for (let turns = Math.floor(random() * 6); turns > 0; turns--) await Promise.resolve()
    if (random() < 0.1) await new Promise((resolve) => setTimeout(resolve, 0))
  }
  const real = stateOf(bindings)
  const getByName = (name: string): StateCalls =>
    new Proxy(real.getByName(name), {
      get:
        (stub, method) =>
        async (...args: unknown[]) => {
          await pause()
          if (hasFaults && random() < 0.03) throw new Error('the object is restarting')
          const answer = await Reflect.apply(Reflect.get(stub, method), stub, args)
          await pause()
          if (hasFaults && random() < 0.03) throw new Error('the answer of the object is lost')
          return answer
        },
    })
  const world = protectedWorld([writeOnce()], { env: { STATE: { getByName } } })
  const { registry } = world
  const late: Promise<unknown>[] = []
  const arriveLater = async (request: Request): Promise<void> => {
    await new Promise((resolve) => setTimeout(resolve, random() * 20))
    await registry.apply(request)
  }
  registry.fault = async (request) => {
    await pause()
    if (hasFaults && request.method === 'PUT' && random() < 0.05) {
      late.push(arriveLater(request))
      return new Response(null, { status: 504 })
    }
    return hasFaults && random() < 0.05 ? new Response(null, { status: random() < 0.5 ? 503 : 400 }) : undefined
  }
  registry.lost = () => {
    for (const [tag, digest] of registry.tags) {
      const seen = history.get(tag) ?? []
      if (seen.at(-1) !== digest) history.set(tag, [...seen, digest])
    }
    return hasFaults && random() < 0.05 ? new Response(null, { status: 502 }) : undefined
  }
  const push = (tag: string, body: string): Promise<Response> =>
    world.call('PUT', `${PATH}/${tag}`, { as: 'admin', headers: { 'content-type': MANIFEST_TYPE }, body })

  return {
    /** Runs one interleaving and tells what became of the tag. */
    async run(number: number): Promise<() => Promise<Outcome>> {
      const tag = `v${number}`
      const texts = [manifestOf(`${number} one`), manifestOf(`${number} two`)] as const
      const digests = [await digestOf(texts[0]), await digestOf(texts[1])] as const
      if (random() < 0.1) await registry.put(tag, texts[random() < 0.5 ? 0 : 1])
      if (random() < 0.3) await registry.put(digests[0], texts[0])
      const answers = await Promise.all([
        ...texts.map(async (text) => {
          await pause()
          return push(tag, text)
        }),
        ...(random() < 0.3 ? [world.call('DELETE', `${PATH}/${digests[0]}`, { as: 'admin' })] : []),
      ])
      const winners = answers.slice(0, 2).filter(({ status }) => status === 201).length
      return async () => {
        const named = registry.tags.get(tag)
        const isLost = named === undefined ? winners > 0 : !registry.manifests.has(named)
        const again = [await push(tag, texts[0]), await push(tag, texts[1])]
        const isStuck = again.every(({ status }) => status !== 201)
        return { winners, moves: (history.get(tag)?.length ?? 1) - 1, isLost, isStuck }
      }
    },
    /** Restarts the object; what it has stored stays. */
    restart: async (): Promise<void> => {
      await evictDurableObject(bindings.STATE.getByName(world.objectName))
    },
    /** Lets the time pass after which a lost request cannot arrive any more. */
    async settle(): Promise<void> {
      await Promise.all(late)
      hasFaults = false
      await runInDurableObject(bindings.STATE.getByName(world.objectName), (_object, { storage }) => {
        storage.sql.exec('UPDATE attempts SET started = 0')
        storage.sql.exec('UPDATE deletions SET started = 0')
      })
    },
    resume: (): void => {
      hasFaults = true
      world.seen.length = 0
      world.records.length = 0
    },
  }
}

describe('two pushes to one write-once tag at the same moment', () => {
  it(`have one winner, whatever fails: ${INTERLEAVINGS} interleavings`, async () => {
    catchLog()
    const seed = Number(process.env.DOCKGATE_SEED ?? Date.now() % 1_000_000)
    const random = randomOf(seed)
    const wrong: string[] = []
    let won = 0
    let race = createRace(random)
    for (let start = 0; start < INTERLEAVINGS; start += BATCH) {
      // A repository of 250 tags: a deletion asks for each tag that the object does not know.
      if (start % 250 === 0) race = createRace(random)
      race.resume()
      const runs = Array.from({ length: BATCH }, (_, index) => race.run(start + index))
      if (random() < 0.2 && start % 250 !== 0) await race.restart()
      const ended = await Promise.all(runs)
      await race.settle()
      for (const outcome of await Promise.all(ended.map((look) => look()))) {
        won += outcome.winners
        const { winners, moves, isLost, isStuck } = outcome
        if (winners > 1 || moves > 0 || isLost || isStuck) wrong.push(JSON.stringify({ seed, start, ...outcome }))
      }
    }
    expect(wrong.slice(0, 5)).toEqual([])
    // The faults leave enough pushes that succeed.
    expect(won).toBeGreaterThan(INTERLEAVINGS / 3)
  }, 600_000)
})
