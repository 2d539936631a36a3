/** What `dockgate deploy` refuses before it changes anything, and the two values that it writes. */
import childProcess from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import fileSystem, { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { syncBuiltinESMExports } from 'node:module'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { createNamespace, deployWorker, putSecrets, readAccount } from '../../../../src/cli/commands/deploy/account.ts'
import { planOf, type Situation } from '../../../../src/cli/commands/deploy/plan.ts'
import { readSettings, withNamespaceId, withPublicKeys } from '../../../../src/cli/commands/deploy/settings.ts'
import { generateKeys, writeKeys } from '../../../../src/cli/keys/key-files.ts'
import { NO_NAMESPACE, NO_PUBLIC_KEYS, wranglerToml } from '../../../../src/cli/project/project.ts'
import { missingPeer } from '../../../../src/cli/terminal/peers.ts'
import { outcome, outcomeOf } from '../../outcome.ts'

const TEXT = wranglerToml({ upstream: 'https://registry.internal.example', host: 'registry.gate.example' })
const HINT = 'write it as `dockgate init` does, or set the gate up by hand: docs/deployment.md has every step'
const refusal = (task: () => unknown): Promise<string> => outcomeOf(Promise.resolve().then(task))

const { spawn } = childProcess
type Answer = { readonly status?: number; readonly stdout?: string; readonly stderr?: string }
/** What wrangler answers, by the words of its command. */
let answers: Readonly<Record<string, Answer>> = {}
const inputs: string[] = []

beforeAll(() => {
  const play = (_: string, [, ...args]: readonly string[]) => {
    const words = args.slice(0, args.findIndex((word, index) => word.startsWith('-') || index === 3) >>> 0).join(' ')
    const { status = 0, stdout = '', stderr = '' } = answers[words] ?? {}
    const child = new EventEmitter()
    const stdin = new PassThrough().on('data', (chunk) => inputs.push(`${words} < ${chunk}`))
    setImmediate(() => child.emit('close', status))
    return Object.assign(child, { stdin, stdout: Readable.from([stdout]), stderr: Readable.from([stderr]) })
  }
  Object.assign(childProcess, { spawn: play })
  syncBuiltinESMExports()
})
afterAll(() => {
  Object.assign(childProcess, { spawn })
  syncBuiltinESMExports()
})

describe('the settings', () => {
  it('have neither namespace nor keys as init writes them', () => {
    expect(readSettings(TEXT, 'wrangler.toml')).toEqual({
      name: 'dockgate',
      publicUrl: 'https://registry.gate.example',
    })
  })

  it('get both, and nothing else changes', () => {
    const keys = '{"keys":[{"kty":"OKP","x":"$&$1"}]}'
    const written = withPublicKeys(withNamespaceId(TEXT, '$1abc'), keys)
    expect(readSettings(written, 'wrangler.toml')).toMatchObject({ namespaceId: '$1abc', publicKeys: keys })
    expect(written.replace('$1abc', NO_NAMESPACE).replace(keys, () => NO_PUBLIC_KEYS)).toBe(TEXT)
  })

  it('are of the namespace that is bound as POLICY, whatever other ones there are', () => {
    const other = '[[kv_namespaces]]\nbinding = "OTHER"\nid = "other"\n\n'
    const both = TEXT.replace('[[kv_namespaces]]', () => `${other}[[kv_namespaces]]`)
    expect(withNamespaceId(both, 'new')).toBe(both.replace(NO_NAMESPACE, 'new'))
  })

  it.each([
    { gone: /^name = .*$/m, line: 'name = "…"' },
    { gone: /^POLICY_PUBLIC_KEYS = .*$/m, line: "POLICY_PUBLIC_KEYS = '…'" },
    { gone: /^id = .*$/m, line: 'id = "…" below binding = "POLICY" in [[kv_namespaces]]' },
    { gone: /^binding = .*$/m, line: 'id = "…" below binding = "POLICY" in [[kv_namespaces]]' },
  ])('must have the line $line', async ({ gone, line }) => {
    expect(await refusal(() => readSettings(TEXT.replace(gone, ''), 'w.toml'))).toEqual(
      `exit 1: w.toml has no line ${line} (${HINT})`,
    )
  })
})

describe('the plan', () => {
  const OURS = '{"keys":[{"kty":"OKP","crv":"Ed25519","x":"ours"}]}'
  const THEIRS = '{"keys":[{"kty":"OKP","crv":"Ed25519","x":"theirs"}]}'
  const base: Situation = {
    settings: { name: 'dockgate' },
    keys: { directory: 'keys' },
    hasBundle: false,
    given: [],
    policies: 'policies',
    account: { secrets: new Set() },
  }

  it.each([
    { what: 'other keys', settings: { publicKeys: THEIRS } },
    { what: 'keys that are none', settings: { publicKeys: 'none' } },
    { what: 'an empty list', settings: { publicKeys: '{"keys": []}' } },
  ])('is refused where wrangler.toml trusts $what', async ({ settings }) => {
    const situation = {
      ...base,
      settings: { ...base.settings, ...settings },
      keys: { directory: 'keys', publicKeys: OURS },
    }
    expect(await refusal(() => planOf(situation))).toEqual(
      'exit 1: wrangler.toml trusts other keys than those in keys (put the right keys into that folder; to replace keys, see docs/operations.md)',
    )
  })

  it('is refused where a secret is missing and the keys are elsewhere', async () => {
    const situation = { ...base, settings: { name: 'dockgate', publicKeys: THEIRS } }
    expect(await refusal(() => planOf(situation))).toEqual(
      'exit 1: the Worker has no TOKEN_SIGNING_KEY, and keys holds no keys (put the keys that wrangler.toml trusts into that folder, or name it with --keys)',
    )
  })

  it('makes no keys for a gate that trusts some, and puts no secret that is there', () => {
    const plan = planOf({
      ...base,
      settings: { name: 'dockgate', publicKeys: THEIRS, namespaceId: 'id' },
      account: { secrets: new Set(['TOKEN_SIGNING_KEY', 'UPSTREAM_PASSWORD']) },
      given: ['UPSTREAM_USERNAME', 'UPSTREAM_PASSWORD'],
      hasBundle: true,
    })
    expect(plan).toMatchObject({ makeKeys: false, writeKeys: false, makeNamespace: false, push: false })
    expect(plan.secrets).toEqual(['UPSTREAM_USERNAME'])
    expect(plan.lines.at(-1)).toBe('probe      nothing: wrangler.toml has no PUBLIC_URL')
  })

  it('keeps keys that are among several which wrangler.toml trusts', () => {
    const both = JSON.stringify({ keys: [...JSON.parse(THEIRS).keys, ...JSON.parse(OURS).keys] })
    const keys = { directory: 'keys', publicKeys: OURS }
    expect(planOf({ ...base, settings: { name: 'dockgate', publicKeys: both }, keys })).toMatchObject({
      makeKeys: false,
    })
  })
})

describe('the account', () => {
  const NAMESPACES = JSON.stringify([{ id: 'id-of-another', title: 'other' }])
  const LOG_IN =
    'log in with `npx wrangler login`, or set CLOUDFLARE_API_TOKEN and CLOUDFLARE_ACCOUNT_ID; then run `dockgate deploy` again: it goes on where it stopped'

  it('holds nothing without a Worker and without a namespace of the title', async () => {
    answers = {
      'kv namespace list': { stdout: NAMESPACES },
      'secret list': { status: 1, stderr: 'Worker "dockgate" not found.' },
    }
    expect(await readAccount('wrangler.toml', 'dockgate-policy')).toEqual({ secrets: new Set() })
  })

  it('takes the id of a new namespace from what wrangler prints, else from the list', async () => {
    const id = 'ab'.repeat(16)
    answers = { 'kv namespace create': { stdout: `kv_namespaces = [ { binding = "X", id = "${id}" } ]` } }
    expect(await createNamespace('dockgate-policy')).toBe(id)
    answers = { 'kv namespace list': { stdout: JSON.stringify([{ id: 'listed', title: 'dockgate-policy' }]) } }
    expect(await createNamespace('dockgate-policy')).toBe('listed')
  })

  it('gets secrets by standard input', async () => {
    answers = {}
    await putSecrets('wrangler.toml', new Map([['UPSTREAM_PASSWORD', 's3cret']]))
    expect(inputs).toEqual(['secret bulk < {"UPSTREAM_PASSWORD":"s3cret"}'])
  })

  const down: Answer = { status: 1, stderr: 'no network\n\nLogs were written to "x"\n' }
  it.each([
    {
      doing: 'listing the KV namespaces',
      given: { 'kv namespace list': down },
      task: () => readAccount('wrangler.toml', 'title'),
    },
    {
      doing: 'listing the secrets of the Worker',
      given: { 'kv namespace list': { stdout: '[]' }, 'secret list': down },
      task: () => readAccount('wrangler.toml', 'title'),
    },
    {
      doing: 'making the KV namespace title',
      given: { 'kv namespace create': down },
      task: () => createNamespace('title'),
    },
    { doing: 'deploying the Worker', given: { deploy: down }, task: () => deployWorker('wrangler.toml') },
    {
      doing: 'putting A, B',
      given: { 'secret bulk': down },
      task: () =>
        putSecrets(
          'wrangler.toml',
          new Map([
            ['A', '1'],
            ['B', '2'],
          ]),
        ),
    },
  ])('says that wrangler failed while $doing', async ({ doing, given, task }) => {
    answers = given
    expect(await outcomeOf(task())).toEqual(`exit 3: wrangler failed while ${doing}:\n    no network (${LOG_IN})`)
  })

  it('never shows a secret that wrangler prints', async () => {
    answers = { 'secret bulk': { status: 1, stderr: 'the value s3cret-value is too short' } }
    expect(await outcomeOf(putSecrets('wrangler.toml', new Map([['A', 's3cret-value']])))).toEqual(
      `exit 3: wrangler failed while putting A:\n    the value … is too short (${LOG_IN})`,
    )
  })

  it.each([['{}'], ['nothing'], ['']])('is not read from %j', async (stdout) => {
    answers = { 'kv namespace list': { stdout } }
    expect(await outcomeOf(readAccount('wrangler.toml', 'title'))).toEqual(
      'exit 3: wrangler answered with something else than a list (install the version of wrangler that the package.json of dockgate names)',
    )
  })

  it('has a namespace that is made and not listed yet', async () => {
    answers = { 'kv namespace list': { stdout: NAMESPACES } }
    expect(await outcomeOf(createNamespace('title'))).toEqual(
      'exit 3: the KV namespace title was made and is not listed yet (run `dockgate deploy` again: it goes on where it stopped)',
    )
  })
})

describe('a package that the user installs', () => {
  it('is named where it is missing, with the command that installs it', async () => {
    expect(await outcomeOf(Promise.reject(missingPeer('wrangler')))).toEqual(
      'exit 3: this command needs the package wrangler, which cannot be loaded (run `npm install --save-dev wrangler` in the folder whose node_modules holds dockgate: it brings miniflare and workerd)',
    )
  })
})

describe('the command', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dockgate-deploy-'))
    vi.spyOn(process.stderr, 'write').mockImplementation(() => true)
    await mkdir(join(folder, 'policies'))
    await writeFile(join(folder, 'wrangler.toml'), TEXT)
    await writeFile(join(folder, 'policies/a.yaml'), 'tokens: { reader: { scopeMap: _repositories_pull } }\n')
  })
  afterEach(async () => {
    vi.restoreAllMocks()
    await rm(folder, { recursive: true })
  })

  const deploy = (...args: readonly string[]): Promise<string> =>
    outcome([
      'deploy',
      ...['--config', join(folder, 'wrangler.toml'), '--policies', join(folder, 'policies')],
      ...['--keys', join(folder, 'keys'), ...args],
    ])

  it('needs the settings of a project', async () => {
    expect(await deploy('--config', join(folder, 'none.toml'))).toEqual(
      `exit 2: the file ${join(folder, 'none.toml')} does not exist (run this in the folder that \`dockgate init\` wrote, or name the file with --config)`,
    )
  })

  it('deploys no policies that do not decide as their tests say', async () => {
    const tests = 'tests: [{ as: token:reader, can: content/write, on: app, expect: allow }]\n'
    await writeFile(join(folder, 'policies/a.test.yaml'), tests)
    expect(await deploy()).toEqual(
      'exit 1: 1 decision test of 1 failed: nothing is deployed (correct the policies or the tests)',
    )
    expect(await readdir(folder)).toEqual(['policies', 'wrangler.toml'])
  })

  it.each([
    { present: ['policySigningKey'], missing: ['policy-public-keys.json', 'token-signing-key.json'], verb: 'are' },
    { present: ['policyPublicKeys', 'tokenSigningKey'], missing: ['policy-signing-key.json'], verb: 'is' },
  ] as const)('makes no keys next to some: $missing missing', async ({ present, missing, verb }) => {
    const keys = join(folder, 'keys')
    await mkdir(keys)
    const texts = await generateKeys('EdDSA')
    const files = {
      policySigningKey: 'policy-signing-key.json',
      policyPublicKeys: 'policy-public-keys.json',
      tokenSigningKey: 'token-signing-key.json',
    }
    for (const name of present) await writeFile(join(keys, files[name]), texts[name])
    const paths = missing.map((name) => join(keys, name)).join(' and ')
    expect(await deploy()).toEqual(
      `exit 1: ${paths} ${verb} missing (put all keys into ${keys}, or none: then new ones are made if the gate has none yet)`,
    )
  })

  /** Everything is there but what the test takes away. */
  async function deployed(): Promise<void> {
    const texts = await generateKeys('EdDSA')
    await writeKeys(join(folder, 'keys'), texts)
    answers = {
      'kv namespace list': { stdout: '[]' },
      'secret list': { stdout: '[{"name":"TOKEN_SIGNING_KEY"}]' },
      'kv key get': { stdout: 'a bundle' },
    }
    const file = join(folder, 'wrangler.toml')
    await writeFile(file, withPublicKeys(withNamespaceId(TEXT, 'ab'.repeat(16)), texts.policyPublicKeys))
    vi.spyOn(process.stdout, 'write').mockImplementation(() => true)
  }

  it('says where the settings cannot be written', async () => {
    await deployed()
    await writeFile(join(folder, 'wrangler.toml'), TEXT)
    answers = { ...answers, 'kv namespace create': { stdout: `id = "${'ab'.repeat(16)}"` } }
    const { writeFile: write } = fileSystem
    try {
      Object.assign(fileSystem, { writeFile: () => Promise.reject(new Error('EROFS')) })
      syncBuiltinESMExports()
      expect(await deploy()).toEqual(
        `exit 3: ${join(folder, 'wrangler.toml')} cannot be written (make it writable, then run the command again)`,
      )
    } finally {
      Object.assign(fileSystem, { writeFile: write })
      syncBuiltinESMExports()
    }
  })

  it('fails at the end where the gate does not refuse what it must', async () => {
    await deployed()
    const server = createServer((_, response) => response.end('{}')).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    try {
      expect(await deploy('--url', url)).toEqual(
        `exit 1: the gate at ${url} does not refuse what it must (see \`dockgate probe ${url}\`, and correct it before anybody uses the gate)`,
      )
    } finally {
      server.close()
    }
  })
})
