/** Every way in which a command that needs the store of bundles, or a gate, refuses; wrangler is played by this file. */
import childProcess from 'node:child_process'
import { EventEmitter } from 'node:events'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { CompactSign } from 'jose'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { parseSigningKey } from '../../src/bundle/keys.ts'
import { requireState, waitForBundle } from '../../src/cli/bundles/gate-status.ts'
import { publish } from '../../src/cli/bundles/publish.ts'
import { wranglerKv } from '../../src/cli/bundles/wrangler-kv.ts'
import { generateKeys, KEY_FILES, writeKeys } from '../../src/cli/keys/key-files.ts'
import type { CompiledPolicy } from '../../src/policy/decide/compiled.ts'
import { NOW, newKey, policyOf, reader } from '../bundle/fixture.ts'
import { outcome, outcomeOf } from './outcome.ts'

type Answer = { readonly status?: number; readonly stdout?: string; readonly stderr?: string }

const HOW_TO_MAKE_ONE =
  'make one with `dockgate keys generate --out keys`, then give it with `--key keys/policy-signing-key.json` or in DOCKGATE_SIGNING_KEY'
const HOW_TO_HAVE_KEYS = 'give --public-keys with the policy-public-keys.json of `dockgate keys generate`'

const store = new Map<string, string>()
let root: string
/** What was asked of wrangler. */
let calls: string[] = []
/** Answers instead of the store. */
let broken: (() => Answer) | undefined

/** `wrangler kv` with the arguments behind it. */
async function wrangler([what, verb, name = '', option, file = '']: readonly string[]): Promise<Answer> {
  calls.push(`${what} ${verb}`)
  switch (`${what} ${verb}`) {
    case 'key get':
      return store.has(name)
        ? { stdout: `${store.get(name)}\n` }
        : { status: 1, stderr: 'GET /values/pointer - 404: Not Found' }
    case 'key list':
      return {
        stdout: JSON.stringify(
          [...store.keys()].filter((key) => key.startsWith(option ?? '')).map((key) => ({ name: key })),
        ),
      }
    case 'key put':
      store.set(name, await readFile(file, 'utf8'))
      return {}
    case 'bulk get': {
      const keys: readonly string[] = JSON.parse(await readFile(name, 'utf8'))
      return { stdout: JSON.stringify(Object.fromEntries(keys.map((key) => [key, store.get(key) ?? null]))) }
    }
    case 'bulk put': {
      const pairs: readonly { key: string; value: string }[] = JSON.parse(await readFile(name, 'utf8'))
      for (const { key, value } of pairs) store.set(key, value)
      return {}
    }
    default:
      return { status: 1, stderr: `no ${what} ${verb} here` }
  }
}

const { spawn } = childProcess
function play(_: string, [, , ...args]: readonly string[]): EventEmitter {
  const child = new EventEmitter()
  const answer = broken === undefined ? wrangler(args) : (async () => broken())()
  const texts = (pick: (given: Answer) => string | undefined) =>
    Readable.from(
      (async function* () {
        yield (await answer.then(pick, () => '')) ?? ''
      })(),
    )
  const stdin = new PassThrough().resume()
  Object.assign(child, { stdin, stdout: texts(({ stdout }) => stdout), stderr: texts(({ stderr }) => stderr) })
  answer.then(
    ({ status = 0 }) => child.emit('close', status),
    (cause) => child.emit('error', cause),
  )
  return child
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'dockgate-store-'))
  Object.assign(childProcess, { spawn: play })
  syncBuiltinESMExports()
  for (const name of ['keys', 'others']) await writeKeys(join(root, name), await generateKeys('EdDSA'))
  await mkdir(join(root, 'policies'))
  await writeFile(join(root, 'damaged.json'), 'x')
})
afterAll(async () => {
  Object.assign(childProcess, { spawn })
  syncBuiltinESMExports()
  await rm(root, { recursive: true })
})

const tokens = (count: number) =>
  `registry: { service: r }\ntokens:\n${Array.from({ length: count }, (_, n) => `  token-${n}: { scopeMap: _repositories_pull }\n`).join('')}`

beforeEach(async () => {
  store.clear()
  calls = []
  broken = undefined
  await writeFile(join(root, 'policies/policy.yaml'), tokens(9))
  vi.stubEnv('DOCKGATE_SIGNING_KEY', '')
  vi.stubEnv('POLICY_PUBLIC_KEYS', '')
  vi.stubEnv('npm_command', undefined)
  vi.spyOn(process.stdout, 'write').mockReturnValue(true)
  vi.spyOn(process.stderr, 'write').mockReturnValue(true)
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
  vi.unstubAllGlobals()
  vi.useRealTimers()
})

const shown = (text: string): string => text.replaceAll(root, 'DIR')
/** `KEY` is the key that signs, `DIR` the scratch folder. */
const run = async (command: string): Promise<string> =>
  shown(
    await outcome(
      command.replaceAll('KEY', `DIR/keys/${KEY_FILES.policySigningKey}`).replaceAll('DIR', root).split(' '),
    ),
  )
const push = 'push --remote --policies DIR/policies --key KEY'
const PUSH = 'dockgate push --remote'

it.each([
  ['push --remote', `exit 2: the key that signs the bundle is missing (${HOW_TO_MAKE_ONE})`],
  ['push --remote --state DIR', 'exit 2: --state does not go with --remote (it is the folder of the local KV)'],
  [
    'push --policies DIR/policies --valid-days 9',
    'exit 2: no target is named (`dockgate push --policies DIR/policies --valid-days 9 --remote` for the gate on Cloudflare, `dockgate push --policies DIR/policies --valid-days 9 --local` for that of `dockgate dev`)',
  ],
  [
    'push --remote --local',
    'exit 2: two targets are named (`dockgate push --remote` for the gate on Cloudflare, `dockgate push --local` for that of `dockgate dev`)',
  ],
  [
    'push --state DIR',
    'exit 2: no target is named (`dockgate push --remote` for the gate on Cloudflare, `dockgate push --state DIR --local` for that of `dockgate dev`)',
  ],
  [
    'rollback 12 --pointer staging --dry-run',
    'exit 2: no target is named (`dockgate rollback 12 --pointer staging --dry-run --remote` for the gate on Cloudflare, `dockgate rollback 12 --pointer staging --dry-run --local` for that of `dockgate dev`)',
  ],
  [
    'prune --keep 3',
    'exit 2: no target is named (`dockgate prune --keep 3 --remote` for the gate on Cloudflare, `dockgate prune --keep 3 --local` for that of `dockgate dev`)',
  ],
  [
    'status --json',
    'exit 2: no target is named (`dockgate status --json --remote` for the gate on Cloudflare, `dockgate status --json --local` for that of `dockgate dev`)',
  ],
  ['push --valid-days x', "exit 2: 'x' is not a number of days (e.g. --valid-days 90)"],
  ['rollback x', "exit 2: 'x' is not a serial number (`dockgate status` lists them)"],
  ['rollback --remote --key KEY', `exit 1: Cloudflare KV (binding POLICY) has no bundle yet (run \`${PUSH}\`)`],
  [
    'rollback --remote --binding P --pointer staging --key KEY',
    'exit 1: Cloudflare KV (binding P) has no bundle yet (run `dockgate push --remote --binding P --pointer staging`)',
  ],
  ['prune --keep x', "exit 2: 'x' is not a number of bundles (e.g. --keep 3)"],
  [
    'status --remote --key KEY',
    `exit 1: Cloudflare KV (binding POLICY) has no bundle under 'pointer' (run \`${PUSH}\`)`,
  ],
  ['status --remote', `exit 2: the keys that verify the bundle are missing (${HOW_TO_HAVE_KEYS})`],
  ['status --local --public-keys DIR/none', `exit 2: the file DIR/none does not exist (${HOW_TO_HAVE_KEYS})`],
  [
    'status --local --public-keys DIR/damaged.json',
    `exit 2: DIR/damaged.json holds no public keys: the key is not JSON: a JWK or a JWKS is expected (${HOW_TO_HAVE_KEYS})`,
  ],
  [
    'status --local --public-keys DIR/damaged.json --key KEY',
    'exit 2: --public-keys and --key are both given (leave one of them out)',
  ],
])('%s', async (command, expected) => {
  expect(await run(command)).toEqual(expected)
})

describe('a set that is an example', () => {
  const named = (service: string) =>
    `registry: { service: ${service} }\ntokens: { ci: { scopeMap: _repositories_pull } }\n`
  const refusal = (service: string) =>
    `exit 1: the policies in DIR/policies are for ${service}, which is the name of an example (an example trusts strangers: write your own with \`dockgate init\`, set registry.service to the host of your gate, and name the folder with --policies)`

  it.each([
    'registry.example.com',
    'registry.example.com:5000',
    'example.org',
    'gate.EXAMPLE.net',
    'registry.acme.example',
  ])('for %s is never pushed to the gate on Cloudflare', async (service) => {
    await writeFile(join(root, 'policies/policy.yaml'), named(service))
    for (const options of ['', ' --yes', ' --dry-run']) expect(await run(push + options)).toEqual(refusal(service))
    expect(calls).toEqual([])
  })

  it('as it is shipped is refused, from wherever it lies', async () => {
    const shipped = join(import.meta.dirname, '../../policies')
    await cp(shipped, join(root, 'copied'), { recursive: true })
    expect(await run('push --remote --policies DIR/copied --key KEY')).toEqual(
      refusal('registry.example.com').replace('DIR/policies', 'DIR/copied'),
    )
    expect(calls).toEqual([])
  })

  it.each(['registry.acme.dev', 'example-registry.acme.dev', 'myexample.com', 'example.com.acme.dev'])(
    "for %s is somebody's own",
    async (service) => {
      await writeFile(join(root, 'policies/policy.yaml'), named(service))
      expect(await run(push)).toBe('no error')
    },
  )
})

describe('with a bundle in force', () => {
  let serial: number
  beforeEach(async () => {
    expect(await run(push)).toBe('no error')
    serial = Number([...store.keys()].find((key) => key.startsWith('pointer:'))?.slice('pointer:'.length))
  })

  const written = (stream: 'stdout' | 'stderr'): string =>
    shown(
      vi
        .mocked(process[stream].write)
        .mock.calls.map(([text]) => String(text))
        .join(''),
    )
  const copyTo = (pointer: string) =>
    run(push.replace('push', `push --pointer ${pointer} --label Copied`)).then(() => {
      store.set('pointer', store.get(pointer) ?? '')
    })

  it('shows its label, service and pointer wherever its serial shows', async () => {
    expect(await run(`${push} --label Second`)).toBe('no error')
    expect(await run(`${push} --label Third`)).toBe('no error')
    const [third, second] = [serial + 2, serial + 1]
    expect(written('stdout')).toContain(
      `pushed bundle ${third} (Third) to Cloudflare KV (binding POLICY), after ${second} (Second)\n`,
    )
    expect(await run('status --remote --key KEY')).toBe('no error')
    expect(written('stdout')).toContain(
      `bundle ${third} (Third) in Cloudflare KV (binding POLICY)\n  for         r, under the key pointer\n`,
    )
    expect(written('stdout')).toContain(`  can return  to ${second} (Second)\n              to ${serial}\n`)
    expect(await run('status --remote --key KEY --json')).toBe('no error')
    expect(JSON.parse(written('stdout').slice(written('stdout').indexOf('{\n')))).toMatchObject({
      serial: third,
      label: 'Third',
      service: 'r',
      pointer: 'pointer',
      history: [third, second, serial],
      labels: { [third]: 'Third', [second]: 'Second' },
    })
    expect(await run(`rollback ${second} --remote --key KEY`)).toBe('no error')
    expect(written('stdout')).toContain(
      `returned from bundle ${third} (Third) to the rights of ${second} (Second), made `,
    )
  })

  it.each([
    ['the same', { serial: 0, service: 'r', pointer: 'pointer' }, 'at https://gate.example'],
    ['an older bundle', { serial: -1, label: 'First' }, 'not yet: https://gate.example uses bundle -1 (First)'],
    [
      'another service',
      { serial: 0, service: 'other', pointer: 'pointer' },
      'no: https://gate.example is the gate of other, with the policy under the key pointer',
    ],
    [
      'another pointer',
      { serial: 0, service: 'r', pointer: 'staging' },
      'no: https://gate.example is the gate of r, with the policy under the key staging',
    ],
  ])('status tells a gate with %s', async (_, policy, expected) => {
    vi.stubGlobal('fetch', async () =>
      Response.json({ ...policy, serial: policy.serial === 0 ? serial : policy.serial }),
    )
    expect(await run('status --remote --key KEY --url https://gate.example')).toBe('no error')
    expect(written('stdout')).toContain(`  live        ${expected}\n`)
    expect(process.exitCode).toBe(expected.startsWith('at ') ? undefined : 1)
    process.exitCode = undefined
  })

  it('diff compares it with files', async () => {
    await writeFile(join(root, 'policies/policy.yaml'), tokens(8))
    expect(await run('diff --in-force DIR/policies --remote --key KEY')).toBe('no error')
    expect(process.exitCode).toBe(1)
    process.exitCode = undefined
    expect(written('stderr')).toContain(`in force in Cloudflare KV (binding POLICY): bundle ${serial}\n`)
    expect(written('stdout')).toContain('token:token-8')
    expect(written('stdout')).not.toContain('token:token-7')
    expect(await run('diff --in-force DIR/policies --remote --key KEY --pointer none')).toBe('no error')
    process.exitCode = undefined
    expect(written('stderr')).toContain(
      `Cloudflare KV (binding POLICY) has no bundle under 'none': nobody has any right yet\n`,
    )
  })

  it.each([
    [
      'diff DIR/policies',
      'exit 2: diff compares two policies, and one is missing (e.g. `dockgate diff main/policies policies`, or `dockgate diff --in-force policies`)',
    ],
    [
      'diff --in-force DIR/policies DIR/policies',
      'exit 2: diff --in-force takes one policy folder or bundle (the other one is the bundle in force)',
    ],
  ])('%s', async (command, expected) => {
    expect(await run(command)).toEqual(expected)
  })

  const misplaced = () =>
    `bundle ${serial} was signed for the pointer "staging" and lies under "pointer": somebody copied it; push again with --pointer pointer`
  it.each([
    [
      'status --remote --key KEY',
      "Cloudflare KV (binding POLICY) has a bundle under 'pointer' that is not to be trusted: ",
    ],
    [
      'rollback --remote --key KEY',
      "Cloudflare KV (binding POLICY) has a bundle under 'pointer' that is not to be trusted: ",
    ],
    [
      'diff --in-force DIR/policies --remote --key KEY',
      'the bundle in force in Cloudflare KV (binding POLICY) is not to be trusted: ',
    ],
  ])('that was copied from another pointer %s refuses', async (command, expected) => {
    await copyTo('staging')
    serial = Number([...store.keys()].find((key) => key.startsWith('staging:'))?.slice('staging:'.length))
    expect(await run(command)).toEqual(`exit 1: ${expected}${misplaced()}`)
  })

  const inFormerFormat = async (): Promise<void> => {
    const [head = '', payload = ''] = (store.get('pointer') ?? '').split('.')
    const { pointer: _, ...manifest } = JSON.parse(Buffer.from(payload, 'base64url').toString())
    const { id, key } = await parseSigningKey(await readFile(join(root, 'keys', KEY_FILES.policySigningKey), 'utf8'))
    const { alg, typ } = JSON.parse(Buffer.from(head, 'base64url').toString())
    const signing = new CompactSign(Buffer.from(JSON.stringify({ ...manifest, format: 1 })))
    store.set('pointer', await signing.setProtectedHeader({ alg, typ, kid: id }).sign(key))
  }

  it('push puts nothing in the place of a bundle of another pointer, service or format, unless that is meant', async () => {
    await copyTo('staging')
    serial = Number([...store.keys()].find((key) => key.startsWith('staging:'))?.slice('staging:'.length))
    expect(await run(push)).toEqual(
      `exit 1: Cloudflare KV (binding POLICY) has a bundle under 'pointer' that is not to be trusted: ${misplaced()} (find out who may write to the store; then repeat with --yes, which puts these policies in its place)`,
    )
    expect(await run(`${push} --yes`)).toBe('no error')
    await inFormerFormat()
    expect(await run(push)).toEqual(
      "exit 1: Cloudflare KV (binding POLICY) has a bundle under 'pointer' that is not to be trusted: the bundle has format 1 and this gate reads format 2: push again with the dockgate command of this gate's version (after an update of dockgate repeat with --yes, and deploy the gate of this version; every shard is uploaded then)",
    )
    expect(await run(`${push} --yes`)).toBe('no error')
    await writeFile(join(root, 'policies/policy.yaml'), tokens(9).replace('service: r', 'service: s'))
    expect(await run(push)).toEqual(
      "exit 1: these policies are for the service 's', and the bundle in force is for 'r' (name another --pointer or store if this is another gate; if the service has a new name, repeat with --yes and deploy the gate with POLICY_SERVICE set to it)",
    )
    expect(await run(`${push} --yes`)).toBe('no error')
  })

  it('diff says when two bundles are not of one gate', async () => {
    for (const pointer of ['pointer', 'staging']) {
      expect(await run(`build --policies DIR/policies --key KEY --pointer ${pointer} -o DIR/${pointer}`)).toBe(
        'no error',
      )
    }
    expect(await run('diff DIR/pointer DIR/staging')).toBe('no error')
    process.exitCode = undefined
    expect(written('stderr')).toContain(
      "the bundles are for two pointers, 'pointer' and 'staging': they are not of one gate\n",
    )
  })

  it('push keeps most grants', async () => {
    await writeFile(join(root, 'policies/policy.yaml'), tokens(1))
    expect(await run(push)).toEqual(
      'exit 1: this push removes more than half of the grants: 9 now, 1 after it (if that is meant, repeat with --yes; with --yes --dry-run the command only says what would change)',
    )
  })

  it('push breaks no test that it is to require', async () => {
    const file = join(root, 'policies/a.test.yaml')
    await writeFile(file, 'tests: [ { as: token:token-0, can: content/read, on: a, expect: deny } ]\n')
    const refused = await run(`${push} --require-tests`)
    await rm(file)
    expect(refused).toEqual(
      'exit 1: 1 decision test of 1 failed: nothing is pushed (mend the policies or the tests; without --require-tests they are pushed all the same)',
    )
  })

  it('push and status know whose it is', async () => {
    const others = push.replace('KEY', `DIR/others/${KEY_FILES.policySigningKey}`)
    const { kid } = JSON.parse(await readFile(join(root, 'keys', KEY_FILES.policySigningKey), 'utf8'))
    const untrusted = `Cloudflare KV (binding POLICY) has a bundle under 'pointer' that is not to be trusted: the bundle is signed by the key "${kid}", which is not among the public keys; add it, or push with a key that is`
    expect(await run(others)).toEqual(
      `exit 1: ${untrusted} (if you know why, e.g. because the key is new, repeat with --yes; every shard is uploaded then)`,
    )
    expect(await run(`status --remote --public-keys DIR/others/${KEY_FILES.policyPublicKeys}`)).toEqual(
      `exit 1: ${untrusted}`,
    )
  })

  it('rollback has somewhere to go', async () => {
    const back = 'rollback --remote --key KEY'
    expect(await run(`${back} 12`)).toEqual(
      'exit 1: Cloudflare KV (binding POLICY) has no bundle 12 (`dockgate status --remote` lists those it has)',
    )
    expect(await run(back)).toEqual(
      `exit 1: Cloudflare KV (binding POLICY) has no bundle before ${serial} that says something else (change the policies and run \`${PUSH}\`)`,
    )
    for (const key of store.keys()) if (key.startsWith('sha256:')) store.delete(key)
    expect(await run(`${back} ${serial}`)).toEqual(
      `exit 1: 1 shard of bundle ${serial} is no longer in Cloudflare KV (binding POLICY) (check out the policies of that time and run \`${PUSH}\`)`,
    )
  })

  it('each command asks wrangler as seldom as it can', async () => {
    await writeFile(join(root, 'policies/policy.yaml'), tokens(8))
    await run(push)
    const made = async (command: string) => {
      calls = []
      expect(await run(command)).toBe('no error')
      return calls.toSorted()
    }
    // The labels of the records cost one call more.
    expect(await made('status --remote --key KEY')).toEqual(['bulk get', 'key get', 'key list'])
    expect(await made('rollback --remote --key KEY --dry-run')).toEqual(['bulk get', 'key get', 'key list'])
    expect(await made('prune --remote --dry-run')).toEqual(['bulk get', 'key list'])
    expect(await made(`${push} --dry-run`)).toEqual(['key get'])
    expect(await made(push)).toEqual(['bulk put', 'key get', 'key put'])
  })

  it('prune leaves a store alone that it does not know', async () => {
    store.set('mine', 'x')
    expect(await run('prune --remote')).toEqual(
      "exit 1: 'mine' in Cloudflare KV (binding POLICY) is not a bundle that this version reads, so its shards are not known (remove the key with `npx wrangler kv key delete` if it does not belong there, or use a newer dockgate)",
    )
  })
})

describe('a value that is too large', { timeout: 60_000 }, () => {
  const kv = wranglerKv({ binding: 'POLICY' })
  const pushed = async (policy: CompiledPolicy) =>
    outcomeOf(publish({ policy, kv, key: (await newKey()).signing, now: NOW }))

  it('a shard', async () => {
    expect(await pushed(policyOf({ 'token:ci': reader('x'.repeat(26_214_400)) }))).toEqual(
      'exit 1: one shard takes 26214473 bytes, more than the 26214400 that KV stores (one principal has too many grants: give them to a group, or use patterns)',
    )
  })

  it('the manifest', async () => {
    vi.spyOn(CompactSign.prototype, 'sign').mockResolvedValue('x'.repeat(26_214_401))
    expect(await pushed(policyOf({}))).toEqual(
      'exit 1: the manifest takes 26214401 bytes, more than the 26214400 that KV stores (fewer identities and issuers, or shorter texts, make it smaller)',
    )
  })
})

it('a local store that cannot be opened', async () => {
  expect(await run('status --local --state DIR/damaged.json --key KEY')).toEqual(
    'exit 3: the local KV in DIR/damaged.json cannot be used (name another folder with --state, or remove this one and run `dockgate dev` again)',
  )
})

describe('wrangler', () => {
  const kv = wranglerKv({ binding: 'POLICY' })
  const HINT =
    'log in with `npx wrangler login` or set CLOUDFLARE_API_TOKEN; the KV namespace is that of wrangler.toml, or --namespace-id'
  const failed = (doing: string) => `exit 3: wrangler failed while ${doing}\n    no network (${HINT})`

  it.each<[string, () => Promise<unknown>]>([
    ['reading pointer from Cloudflare KV (binding POLICY)', () => kv.get('pointer')],
    ['reading 1 of 1 values from Cloudflare KV (binding POLICY)', () => kv.getAll(['a'])],
    ['listing the keys of Cloudflare KV (binding POLICY)', () => kv.list('')],
    ['writing 1 values to Cloudflare KV (binding POLICY)', () => kv.putAll([{ key: 'a', value: 'b' }])],
    ['writing a to Cloudflare KV (binding POLICY)', () => kv.put('a', 'b')],
    ['deleting 1 values from Cloudflare KV (binding POLICY)', () => kv.deleteAll(['a'])],
  ])('fails while %s', async (doing, call) => {
    broken = () => ({ status: 1, stderr: '\u001b[31mno network\u001b[0m\n\n🪵 Logs were written to "x"\n' })
    expect(await outcomeOf(call())).toEqual(failed(doing))
  })

  it.each([
    ['{}', 'a list of keys'],
    ['<html>', 'JSON'],
  ])('answers with %s', async (stdout, expected) => {
    broken = () => ({ stdout })
    expect(await outcomeOf(kv.list(''))).toEqual(
      `exit 3: wrangler answered with something else than ${expected} (run \`npm ci\` again: it installs the version of wrangler that this one knows)`,
    )
  })

  it('cannot be started', async () => {
    broken = () => {
      throw new Error('ENOENT')
    }
    expect(await outcomeOf(kv.list(''))).toEqual('exit 3: wrangler could not be started (run `npm ci` again)')
  })
})

describe('a gate', () => {
  it.each([
    ['no-url', "exit 2: 'no-url' is not a URL (e.g. --url https://registry.example.com)"],
    [
      'https://gate.example',
      "exit 3: https://gate.example/readyz did not answer with a gate's state (give the address of the gate itself, e.g. --url https://registry.example.com)",
    ],
  ])('at %s is none', async (url, expected) => {
    vi.stubGlobal('fetch', async () => new Response('<html>'))
    expect(await run(push)).toBe('no error')
    expect(await run(`status --remote --key KEY --url ${url}`)).toEqual(expected)
  })

  it.each([{ serial: 6 }, { serial: 6, state: 'missing' }, [], null])(
    'that says %j has no state for protections',
    async (body) => {
      vi.stubGlobal('fetch', async () => Response.json(body))
      expect(await outcomeOf(requireState('https://gate.example'))).toEqual(
        'exit 3: the policies have protections, and the gate at https://gate.example has no binding STATE for them (add the Durable Object RepositoryState to its wrangler.toml, deploy it, and push again)',
      )
    },
  )

  it('that has state for protections is no obstacle to a push', async () => {
    vi.stubGlobal('fetch', async () => Response.json({ ready: false, state: 'bound' }))
    expect(await outcomeOf(requireState('https://gate.example'))).toBe('no error')
  })

  it('that does not take the bundle is waited for in vain', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'performance'] })
    vi.stubGlobal('fetch', async () => Response.json({ serial: 6 }))
    const waited = outcomeOf(waitForBundle('https://gate.example', { serial: 7, pointer: 'pointer', service: 'r' }))
    await vi.advanceTimersByTimeAsync(181_000)
    expect(await waited).toEqual(
      'exit 3: the gate at https://gate.example does not use bundle 7 after 180 s (its /readyz says why: an unknown key, another KV namespace, another pointer or another service)',
    )
  })
})
