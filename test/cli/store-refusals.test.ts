/** Every way in which a command that needs the store of bundles, or a gate, refuses; wrangler is played by this file. */
import childProcess from 'node:child_process'
import { EventEmitter } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { CompactSign } from 'jose'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { waitForSerial } from '../../src/cli/gate-status.ts'
import { generateKeys, KEY_FILES, writeKeys } from '../../src/cli/key-files.ts'
import { publish } from '../../src/cli/publish.ts'
import { wranglerKv } from '../../src/cli/wrangler-kv.ts'
import type { CompiledPolicy } from '../../src/policy/compiled.ts'
import { NOW, newKey, policyOf, reader } from '../bundle/fixture.ts'
import { outcome, outcomeOf } from './outcome.ts'

type Answer = { readonly status?: number; readonly stdout?: string; readonly stderr?: string }

const HOW_TO_MAKE_ONE =
  'make one with `dockgate keys generate --out keys`, then give it with `--key keys/policy-signing-key.json` or in DOCKGATE_SIGNING_KEY'
const HOW_TO_HAVE_KEYS = 'give --public-keys with the policy-public-keys.json of `dockgate keys generate`'

const store = new Map<string, string>()
let root: string
/** Answers instead of the store. */
let broken: (() => Answer) | undefined

/** `wrangler kv` with the arguments behind it. */
async function wrangler([what, verb, name = '', option, file = '']: readonly string[]): Promise<Answer> {
  switch (`${what} ${verb}`) {
    case 'key get':
      return { stdout: `${store.get(name) ?? 'Value not found'}\n` }
    case 'key list':
      return {
        stdout: JSON.stringify(
          [...store.keys()].filter((key) => key.startsWith(option ?? '')).map((key) => ({ name: key })),
        ),
      }
    case 'key put':
      store.set(name, await readFile(file, 'utf8'))
      return {}
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
  Object.assign(child, { stdout: texts(({ stdout }) => stdout), stderr: texts(({ stderr }) => stderr) })
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
  broken = undefined
  await writeFile(join(root, 'policies/policy.yaml'), tokens(9))
  vi.stubEnv('DOCKGATE_SIGNING_KEY', '')
  vi.stubEnv('POLICY_PUBLIC_KEYS', '')
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
const push = 'push --policies DIR/policies --state DIR --key KEY'

it.each([
  ['push --remote --local', 'exit 2: --remote does not go with --local or --state (name one place)'],
  ['push --remote', `exit 2: there is no key to sign the bundle with (${HOW_TO_MAKE_ONE})`],
  ['push --valid-days x', "exit 2: 'x' is not a number of days (e.g. --valid-days 90)"],
  ['rollback x', "exit 2: 'x' is not a serial number (`dockgate status` lists them)"],
  ['rollback --state DIR --key KEY', 'exit 1: local KV in DIR has no bundle yet (run `dockgate push`)'],
  ['prune --keep x', "exit 2: 'x' is not a number of bundles (e.g. --keep 3)"],
  ['status --state DIR --key KEY', "exit 1: local KV in DIR has no bundle under 'pointer' (run `dockgate push`)"],
  ['status --remote', `exit 2: there is no key to verify the bundle with (${HOW_TO_HAVE_KEYS})`],
  ['status --public-keys DIR/none', `exit 2: there is no file DIR/none (${HOW_TO_HAVE_KEYS})`],
  [
    'status --public-keys DIR/damaged.json',
    `exit 2: DIR/damaged.json holds no public keys: the key is not JSON: a JWK or a JWKS is expected (${HOW_TO_HAVE_KEYS})`,
  ],
  [
    'status --public-keys DIR/damaged.json --key KEY',
    'exit 2: --public-keys and --key are both given (leave one of them out)',
  ],
])('%s', async (command, expected) => {
  expect(await run(command)).toEqual(expected)
})

describe('with a bundle in force', () => {
  let serial: number
  beforeEach(async () => {
    expect(await run(push)).toBe('no error')
    serial = Number([...store.keys()].find((key) => key.startsWith('pointer:'))?.slice('pointer:'.length))
  })

  it('push keeps most grants', async () => {
    await writeFile(join(root, 'policies/policy.yaml'), tokens(1))
    expect(await run(push)).toEqual(
      'exit 1: this push removes more than half of the grants: 9 now, 1 after it (if that is meant, repeat with --yes; `dockgate push --dry-run --yes` shows what would change)',
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
    const untrusted = `local KV in DIR has a bundle under 'pointer' that is not to be trusted: the bundle is signed by the key "${kid}", which is not among the public keys; add it, or push with a key that is`
    expect(await run(others)).toEqual(
      `exit 1: ${untrusted} (if you know why, e.g. because the key is new, repeat with --yes; every shard is uploaded then)`,
    )
    expect(await run(`status --state DIR --public-keys DIR/others/${KEY_FILES.policyPublicKeys}`)).toEqual(
      `exit 1: ${untrusted}`,
    )
  })

  it('rollback has somewhere to go', async () => {
    const back = 'rollback --state DIR --key KEY'
    expect(await run(`${back} 12`)).toEqual(
      'exit 1: local KV in DIR has no bundle 12 (`dockgate status` lists those it has)',
    )
    expect(await run(back)).toEqual(
      `exit 1: local KV in DIR has no bundle before ${serial} that says something else (change the policies and run \`dockgate push\`)`,
    )
    for (const key of store.keys()) if (key.startsWith('sha256:')) store.delete(key)
    expect(await run(`${back} ${serial}`)).toEqual(
      `exit 1: 1 shard of bundle ${serial} is no longer in local KV in DIR (check out the policies of that time and run \`dockgate push\`)`,
    )
  })

  it('prune leaves a store alone that it does not know', async () => {
    store.set('mine', 'x')
    expect(await run('prune --state DIR')).toEqual(
      "exit 1: 'mine' in local KV in DIR is not a bundle that this version reads, so its shards are not known (remove the key with `npx wrangler kv key delete` if it does not belong there, or use a newer dockgate)",
    )
  })
})

describe('a value that is too large', () => {
  const kv = wranglerKv({ kind: 'local', stateDirectory: 'state' })
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

describe('wrangler', () => {
  const kv = wranglerKv({ kind: 'remote', binding: 'POLICY' })
  const HINT =
    'for --remote, log in with `npx wrangler login` or set CLOUDFLARE_API_TOKEN; the KV namespace is that of wrangler.toml, or --namespace-id'
  const failed = (doing: string) => `exit 3: wrangler failed while ${doing}\n    no network (${HINT})`

  it.each<[string, () => Promise<unknown>]>([
    ['reading pointer from Cloudflare KV (binding POLICY)', () => kv.get('pointer')],
    ['reading 1 values from Cloudflare KV (binding POLICY)', () => kv.getAll(['a'])],
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
    expect(await run(`status --state DIR --key KEY --url ${url}`)).toEqual(expected)
  })

  it('that does not take the bundle is waited for in vain', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'performance'] })
    vi.stubGlobal('fetch', async () => Response.json({ serial: 6 }))
    const waited = outcomeOf(waitForSerial('https://gate.example', 7))
    await vi.advanceTimersByTimeAsync(181_000)
    expect(await waited).toEqual(
      'exit 3: the gate at https://gate.example does not use bundle 7 after 180 s (its /readyz says why: an unknown key, another KV namespace, another pointer or another service)',
    )
  })
})
