import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { base64url, CompactSign } from 'jose'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { MANIFEST_TYPE } from '../../../src/bundle/manifest.ts'
import { signManifest } from '../../../src/bundle/sign.ts'
import { readBundle } from '../../../src/cli/bundles/bundle-history.ts'
import { type BulkKv, namespaceKv } from '../../../src/cli/bundles/kv.ts'
import { type PublishOptions, publish } from '../../../src/cli/bundles/publish.ts'
import { prune } from '../../../src/cli/commands/prune.ts'
import { rollBack } from '../../../src/cli/commands/rollback.ts'
import {
  developmentKeys,
  findSigningKey,
  generateKeys,
  KEY_FILES,
  needSigningKey,
  writeKeys,
} from '../../../src/cli/keys/key-files.ts'
import { CommandError } from '../../../src/cli/terminal/command-error.ts'
import type { CompiledPolicy } from '../../../src/policy/decide/compiled.ts'
import { COMMON, manyTokens, NOW, newKey, policyOf, reader } from '../../bundle/fixture.ts'

const key = await newKey()

/** A namespace in memory that remembers what was written, in order. */
class MemoryNamespace {
  readonly values = new Map<string, string>()
  written: string[] = []
  async get(name: string): Promise<string | null> {
    return this.values.get(name) ?? null
  }
  async put(name: string, value: string): Promise<void> {
    this.written.push(name)
    this.values.set(name, value)
  }
  async delete(name: string): Promise<void> {
    this.values.delete(name)
  }
  /** Pages of two, so that every caller has to turn them. */
  async list({ prefix, cursor = '0' }: { prefix: string; cursor?: string }) {
    const names = [...this.values.keys()].filter((name) => name.startsWith(prefix)).sort()
    const end = Number(cursor) + 2
    const keys = names.slice(Number(cursor), end).map((name) => ({ name }))
    return end >= names.length ? { keys, list_complete: true } : { keys, list_complete: false, cursor: String(end) }
  }
}

let namespace: MemoryNamespace
let kv: BulkKv

beforeEach(() => {
  namespace = new MemoryNamespace()
  kv = namespaceKv(namespace, 'memory')
})

const push = (policy: CompiledPolicy, now = NOW, more: Partial<PublishOptions> = {}) =>
  publish({ policy, kv, key: key.signing, now, ...more })

const errorOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  )

const copy = (from: string, to: string): void => {
  namespace.values.set(to, namespace.values.get(from) ?? '')
}

/** What a signed value says; of a shard nothing. */
const payloadOf = (text: string): string => new TextDecoder().decode(base64url.decode(text.split('.')[1] ?? ''))

/** A bundle as it was before manifests named their pointer, signed by the same key. */
const inFormerFormat = (name: string): Promise<string> => {
  const { pointer: _, ...manifest } = JSON.parse(payloadOf(namespace.values.get(name) ?? ''))
  return new CompactSign(new TextEncoder().encode(JSON.stringify({ ...manifest, format: 1 })))
    .setProtectedHeader({ alg: key.signing.algorithm, kid: key.signing.id, typ: MANIFEST_TYPE })
    .sign(key.signing.key)
}

const renamed = policyOf({ 'token:ci': reader('a') }, { ...COMMON, service: 'staging.example.com' })

const kindsWritten = () => namespace.written.map((name) => name.replace(/^sha256:.*/, 'shard'))

const big = manyTokens(2000, 200)
const bigChanged: CompiledPolicy = {
  ...big,
  principals: new Map([...big.principals].map(([name, data]) => [name, name === 'token:t7' ? reader('other') : data])),
}

describe('a push', () => {
  it('writes shards, then its own record, then the pointer', async () => {
    const report = await push(policyOf({ 'token:ci': reader('a') }))
    expect(kindsWritten()).toEqual(['shard', `pointer:${NOW}`, 'pointer'])
    expect(report).toMatchObject({
      serial: NOW,
      changed: true,
      principals: { before: 0, after: 1 },
      grants: { before: 0, after: 1 },
      shards: { total: 1, uploaded: 1 },
    })
    expect((await readBundle(kv, 'pointer', key.signing.accepted))?.manifest.serial).toBe(NOW)
  })

  it('uploads one shard and the pointer for one change', async () => {
    await push(big)
    namespace.written = []
    const report = await push(bigChanged, NOW + 5)
    expect(kindsWritten()).toEqual(['shard', `pointer:${NOW + 5}`, 'pointer'])
    expect(report.shards.total).toBeGreaterThan(4)
    expect(report.bytes.uploaded).toBeLessThan(report.bytes.total / 4)
  })

  it('uploads no shard when nothing changed, and every one with `all`', async () => {
    await push(big)
    namespace.written = []
    expect(await push(big, NOW + 5)).toMatchObject({ changed: false, shards: { uploaded: 0 } })
    expect(kindsWritten()).toEqual([`pointer:${NOW + 5}`, 'pointer'])
    const { shards } = await push(big, NOW + 9, { all: true })
    expect(shards.uploaded).toBe(shards.total)
  })

  it('changes nothing when it is dry', async () => {
    await push(big)
    const before = new Map(namespace.values)
    expect(await push(bigChanged, NOW + 5, { dryRun: true })).toMatchObject({ changed: true, shards: { uploaded: 1 } })
    expect(namespace.values).toEqual(before)
  })

  it('has a serial that rises, whatever the clock says', async () => {
    const serials: number[] = []
    for (const now of [NOW, NOW, NOW - 1000, NOW + 60]) serials.push((await push(big, now)).serial)
    expect(serials).toEqual([NOW, NOW + 1, NOW + 2, NOW + 60])
  })

  it('leaves what gates read alone when it is interrupted', async () => {
    await push(policyOf({ 'token:ci': reader('a') }))
    const before = namespace.values.get('pointer')
    namespace.put = () => Promise.reject(new Error('network'))
    await expect(push(policyOf({ 'token:ci': reader('b') }), NOW + 5)).rejects.toThrow('network')
    expect(namespace.values.get('pointer')).toBe(before)
  })

  const few = (count: number) => manyTokens(count)
  it.each([
    [10, 5, true],
    [10, 4, false],
    [1, 0, false],
    [0, 0, true],
    [3, 300, true],
  ])('from %i grants to %i: %s', async (before, after, passes) => {
    await push(few(before))
    namespace.written = []
    const error = await errorOf(push(few(after), NOW + 5))
    expect(error === undefined).toBe(passes)
    if (passes) return
    expect(error).toMatchObject({
      status: 1,
      message: expect.stringContaining('more than half'),
      hint: expect.any(String),
    })
    expect(namespace.written).toEqual([])
    expect((await push(few(after), NOW + 5, { force: true })).grants).toEqual({ before, after })
  })

  it('stops when the bundle in force is not ours, and replaces all of it when that is meant', async () => {
    await publish({ policy: big, kv, key: (await newKey()).signing, now: NOW })
    expect(await errorOf(push(big, NOW + 5))).toMatchObject({ status: 1, hint: expect.stringContaining('--yes') })
    const { shards, serial } = await push(big, NOW, { force: true })
    expect(shards.uploaded).toBe(shards.total)
    // Above the serial of a bundle that it cannot verify, even within one second: a gate takes no other bundle twice.
    expect(serial).toBe(NOW + 1)
  })

  const before = policyOf({ 'token:ci': reader('a') })
  const after = policyOf({ 'token:ci': reader('b') })
  it.each<[string, () => Promise<unknown>, string, string]>([
    [
      'was copied from another pointer',
      async () => {
        await push(before, NOW, { pointer: 'staging' })
        copy('staging', 'pointer')
      },
      `memory has a bundle under 'pointer' that is not to be trusted: bundle ${NOW} was signed for the pointer "staging" and lies under "pointer": somebody copied it; push again with --pointer pointer`,
      'find out who may write to the store; then repeat with --yes, which puts these policies in its place',
    ],
    [
      'is of another service',
      () => push(renamed),
      "these policies are for the service 'registry.example.com', and the bundle in force is for 'staging.example.com'",
      'name another --pointer or store if this is another gate; if the service has a new name, repeat with --yes and deploy the gate with POLICY_SERVICE set to it',
    ],
    [
      'has the format before',
      async () => {
        await push(before)
        namespace.values.set('pointer', await inFormerFormat('pointer'))
      },
      "memory has a bundle under 'pointer' that is not to be trusted: the bundle has format 1 and this gate reads format 2: push again with the dockgate command of this gate's version",
      'after an update of dockgate repeat with --yes, and deploy the gate of this version; every shard is uploaded then',
    ],
  ])('stops when the bundle in force %s, and says what to do', async (_, prepare, message, hint) => {
    await prepare()
    const there = new Map(namespace.values)
    const error = await errorOf(push(after, NOW + 5))
    expect(error).toBeInstanceOf(CommandError)
    expect(error).toMatchObject({ status: 1, message, hint })
    expect(namespace.values).toEqual(there)
    expect((await push(after, NOW, { force: true })).serial).toBe(NOW + 1)
    expect((await readBundle(kv, 'pointer', key.signing.accepted))?.manifest.pointer).toBe('pointer')
  })

  it('gives the bundle a label, which a roll-back brings back', async () => {
    expect(await push(before, NOW, { label: '1a2b3c4 First' })).toMatchObject({ label: '1a2b3c4 First' })
    const second = await push(after, NOW + 1, { label: '5d6e7f8 Second' })
    expect(second).toMatchObject({ label: '5d6e7f8 Second', previousSerial: NOW, previousLabel: '1a2b3c4 First' })
    const returned = await rollBack({ kv, key: key.signing, pointer: 'pointer', now: NOW + 2 })
    expect(returned).toMatchObject({ label: '1a2b3c4 First', rollbackOf: NOW, previousLabel: '5d6e7f8 Second' })
    expect((await readBundle(kv, 'pointer', key.signing.accepted))?.manifest.label).toBe('1a2b3c4 First')
  })

  it('says so when one principal does not fit into a value', async () => {
    const grants = Array.from({ length: 300_000 }, (_, n) => ({
      on: `${'x'.repeat(60)}/${n}`,
      bits: 1,
      rule: 'scopeMap a',
    }))
    expect(await errorOf(push(policyOf({ 'token:ci': { grants } })))).toMatchObject({ status: 1 })
    expect(namespace.written).toEqual([])
  })
})

describe('a roll-back', () => {
  const a = policyOf({ 'token:ci': reader('a') })
  const b = policyOf({ 'token:ci': reader('b') })
  const c = policyOf({ 'token:ci': reader('c') })
  const back = (now: number, wanted?: number) =>
    rollBack({ kv, key: key.signing, pointer: 'pointer', now, ...(wanted === undefined ? {} : { wanted }) })
  const live = async () => (await readBundle(kv, 'pointer', key.signing.accepted))?.manifest

  const pushThree = async () => {
    for (const [index, policy] of [a, b, c].entries()) await push(policy, NOW + index)
  }

  it('brings back the last bundle that said something else, under a new serial', async () => {
    await pushThree()
    const shards = await Promise.all(
      [NOW, NOW + 1].map((serial) => readBundle(kv, 'pointer', key.signing.accepted, { serial })),
    )
    expect(await back(NOW + 10)).toMatchObject({ serial: NOW + 10, rollbackOf: NOW + 1, previousSerial: NOW + 2 })
    expect(await live()).toMatchObject({ serial: NOW + 10, rollbackOf: NOW + 1, shards: shards[1]?.manifest.shards })
    expect(await back(NOW + 11)).toMatchObject({ serial: NOW + 11, rollbackOf: NOW })
    expect((await live())?.shards).toBe(shards[0]?.manifest.shards)
    expect(await errorOf(back(NOW + 12))).toMatchObject({ status: 1 })
  })

  it('passes over bundles that say the same', async () => {
    await pushThree()
    await push(c, NOW + 3)
    expect((await back(NOW + 10)).rollbackOf).toBe(NOW + 1)
  })

  it.each([NOW + 5, NOW + 9])('passes over a record of another serial that was copied to %i', async (serial) => {
    await pushThree()
    copy(`pointer:${NOW}`, `pointer:${serial}`)
    await push(b, NOW + 9, { force: true })
    await push(c, NOW + 11)
    copy(`pointer:${NOW}`, `pointer:${NOW + 9}`)
    expect((await back(NOW + 20)).rollbackOf).toBe(NOW + 1)
  })

  it('goes to a bundle by serial, also forward again', async () => {
    await pushThree()
    expect((await back(NOW + 10, NOW)).rollbackOf).toBe(NOW)
    expect((await back(NOW + 11, NOW + 2)).rollbackOf).toBe(NOW + 2)
    expect((await live())?.serial).toBe(NOW + 11)
  })

  it.each<[string, () => Promise<unknown>]>([
    ['nothing was pushed', async () => back(NOW)],
    ['the serial is unknown', async () => pushThree().then(() => back(NOW + 10, 12_345))],
    [
      'a shard is gone',
      async () => {
        await pushThree()
        for (const name of namespace.values.keys()) if (name.startsWith('sha256:')) namespace.values.delete(name)
        return back(NOW + 10)
      },
    ],
    [
      'somebody else signed what is to come back',
      async () => {
        await pushThree()
        const manifest = await live()
        if (manifest === undefined) throw new Error('nothing is live')
        const forged = { ...manifest, serial: NOW + 1 }
        namespace.values.set(`pointer:${NOW + 1}`, await signManifest(forged, (await newKey()).signing))
        return back(NOW + 10)
      },
    ],
    [
      'a record lies under another serial',
      async () => {
        await pushThree()
        namespace.values.set('pointer:77', namespace.values.get(`pointer:${NOW}`) ?? '')
        return back(NOW + 10, 77)
      },
    ],
    [
      'a record of another pointer was copied there',
      async () => {
        await pushThree()
        await push(b, NOW + 5, { pointer: 'staging' })
        copy(`staging:${NOW + 5}`, `pointer:${NOW + 5}`)
        return back(NOW + 10, NOW + 5)
      },
    ],
    [
      'the record before was replaced by one of another pointer',
      async () => {
        await pushThree()
        await push(a, NOW + 1, { pointer: 'staging' })
        copy(`staging:${NOW + 1}`, `pointer:${NOW + 1}`)
        return back(NOW + 10)
      },
    ],
    [
      'the record is of another service',
      async () => {
        await push(renamed, NOW - 5)
        await push(a, NOW, { force: true })
        return back(NOW + 10, NOW - 5)
      },
    ],
    [
      'the bundle in force was copied from another pointer',
      async () => {
        await pushThree()
        await push(b, NOW + 5, { pointer: 'staging' })
        copy('staging', 'pointer')
        return back(NOW + 10, NOW)
      },
    ],
    [
      'the record has the format before',
      async () => {
        await pushThree()
        namespace.values.set(`pointer:${NOW}`, await inFormerFormat(`pointer:${NOW}`))
        return back(NOW + 10, NOW)
      },
    ],
  ])('is refused when %s, and signs nothing', async (_, run) => {
    const error = await errorOf(run())
    expect(error).toBeInstanceOf(CommandError)
    expect(error).toMatchObject({ status: 1 })
    expect([...namespace.values.values()].filter((text) => payloadOf(text).includes('rollbackOf'))).toEqual([])
  })
})

describe('prune', () => {
  const policies = Array.from({ length: 6 }, (_, n) => policyOf({ 'token:ci': reader(`app-${n}`) }))
  const DAY = 86_400

  it('keeps the newest bundles, the live one and what they name', async () => {
    for (const [index, policy] of policies.entries()) await push(policy, NOW + index * DAY)
    const report = await prune({ kv, now: NOW + 30 * DAY, keep: 2 })
    expect(report).toEqual({ bundles: { kept: 3, removed: 3 }, shards: { kept: 3, removed: 3 } })
    const back = await rollBack({ kv, key: key.signing, pointer: 'pointer', now: NOW + 31 * DAY })
    expect(back.rollbackOf).toBe(NOW + 4 * DAY)
  })

  it('keeps a live bundle that brought an old one back', async () => {
    for (const [index, policy] of policies.entries()) await push(policy, NOW + index * DAY)
    await rollBack({ kv, key: key.signing, pointer: 'pointer', now: NOW + 10 * DAY, wanted: NOW })
    await prune({ kv, now: NOW + 30 * DAY, keep: 0 })
    const live = await readBundle(kv, 'pointer', key.signing.accepted)
    expect([...namespace.values.keys()].filter((name) => name.startsWith('sha256:'))).toHaveLength(1)
    expect(live?.manifest.rollbackOf).toBe(NOW)
  })

  it('keeps what a gate may still read: bundles of the last day', async () => {
    for (const [index, policy] of policies.entries()) await push(policy, NOW + index)
    expect((await prune({ kv, now: NOW + DAY / 2, keep: 0 })).shards.removed).toBe(0)
  })

  it('knows every pointer of the store', async () => {
    const [first, second] = policies
    if (first !== undefined) await push(first, NOW)
    if (second !== undefined) await push(second, NOW, { pointer: 'staging' })
    expect((await prune({ kv, now: NOW + 30 * DAY, keep: 0 })).shards).toEqual({ kept: 2, removed: 0 })
  })

  it('knows the shards of bundles of the format before, and removes those like any other', async () => {
    for (const [index, policy] of policies.entries()) await push(policy, NOW + index * DAY)
    const names = [...namespace.values.keys()].filter((name) => name.startsWith('pointer'))
    for (const name of names) namespace.values.set(name, await inFormerFormat(name))
    const report = await prune({ kv, now: NOW + 30 * DAY, keep: 2 })
    expect(report).toEqual({ bundles: { kept: 3, removed: 3 }, shards: { kept: 3, removed: 3 } })
  })

  it('changes nothing when it is dry, and nothing when it does not know a value', async () => {
    for (const [index, policy] of policies.entries()) await push(policy, NOW + index * DAY)
    const before = new Map(namespace.values)
    expect((await prune({ kv, now: NOW + 30 * DAY, keep: 0, dryRun: true })).shards.removed).toBe(5)
    namespace.values.set('somebody', 'elses')
    expect(await errorOf(prune({ kv, now: NOW + 30 * DAY, keep: 0 }))).toMatchObject({ status: 1 })
    namespace.values.delete('somebody')
    expect(namespace.values).toEqual(before)
  })
})

describe('key files', () => {
  const folders: string[] = []
  const folder = async () => {
    const made = await mkdtemp(join(tmpdir(), 'dockgate-test-'))
    folders.push(made)
    return made
  }
  afterAll(() => Promise.all(folders.map((made) => rm(made, { recursive: true }))))

  it('are for their owner alone, and never overwritten', async () => {
    const out = join(await folder(), 'keys')
    await writeKeys(out, await generateKeys('ES256'))
    for (const file of Object.values(KEY_FILES)) expect((await stat(join(out, file))).mode & 0o777).toBe(0o600)
    const before = await readFile(join(out, KEY_FILES.policySigningKey), 'utf8')
    expect(await errorOf(writeKeys(out, await generateKeys('EdDSA')))).toMatchObject({ status: 1 })
    expect(await readFile(join(out, KEY_FILES.policySigningKey), 'utf8')).toBe(before)
  })

  it('of a state folder are made once', async () => {
    const state = await folder()
    const keys = await developmentKeys(state)
    expect(await developmentKeys(state)).toEqual(keys)
    expect((await findSigningKey({ stateDirectory: state }))?.algorithm).toBe('EdDSA')
  })

  it.each([
    ['no key anywhere', async () => ({ stateDirectory: await folder() })],
    ['a file that is not there', async () => ({ key: join(await folder(), 'none.json') })],
  ])('say how to make one: %s', async (_, options) => {
    expect(await errorOf(needSigningKey(await options()))).toMatchObject({
      status: 2,
      hint: expect.stringContaining('dockgate keys generate'),
    })
  })
})
