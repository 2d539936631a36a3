/** What `dockgate deploy` refuses before it changes anything, and the two values that it writes. */
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { planOf, type Situation } from '../../../../src/cli/commands/deploy/plan.ts'
import { readSettings, withNamespaceId, withPublicKeys } from '../../../../src/cli/commands/deploy/settings.ts'
import { NO_NAMESPACE, NO_PUBLIC_KEYS, wranglerToml } from '../../../../src/cli/commands/init/project.ts'
import { generateKeys } from '../../../../src/cli/keys/key-files.ts'
import { outcome, outcomeOf } from '../../outcome.ts'

const TEXT = wranglerToml({ upstream: 'https://registry.internal.example', host: 'registry.gate.example' })
const HINT = 'write it as `dockgate init` does, or set the gate up by hand: docs/deployment.md has every step'
const refusal = (task: () => unknown): Promise<string> => outcomeOf(Promise.resolve().then(task))

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
    expect(await refusal(() => readSettings(TEXT.replace(gone, ''), 'w.toml'))).toBe(
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
    expect(await refusal(() => planOf(situation))).toBe(
      'exit 1: wrangler.toml trusts other keys than those in keys (put the right keys into that folder; to replace keys, see docs/operations.md)',
    )
  })

  it('is refused where a secret is missing and the keys are elsewhere', async () => {
    const situation = { ...base, settings: { name: 'dockgate', publicKeys: THEIRS } }
    expect(await refusal(() => planOf(situation))).toBe(
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
    expect(await deploy('--config', join(folder, 'none.toml'))).toBe(
      `exit 2: there is no file ${join(folder, 'none.toml')} (run this in the folder that \`dockgate init\` wrote, or name the file with --config)`,
    )
  })

  it('deploys no policies that do not decide as their tests say', async () => {
    const tests = 'tests: [{ as: token:reader, can: content/write, on: app, expect: allow }]\n'
    await writeFile(join(folder, 'policies/a.test.yaml'), tests)
    expect(await deploy()).toBe(
      'exit 1: 1 decision test of 1 failed: nothing is deployed (correct the policies or the tests)',
    )
    expect(await readdir(folder)).toEqual(['policies', 'wrangler.toml'])
  })

  it.each([
    { present: ['policySigningKey'], missing: ['policy-public-keys.json', 'token-signing-key.json'], verb: 'are' },
    { present: ['policyPublicKeys', 'tokenSigningKey'], missing: ['policy-signing-key.json'], verb: 'is' },
  ] as const)('makes no keys beside some: $missing missing', async ({ present, missing, verb }) => {
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
    expect(await deploy()).toBe(
      `exit 1: ${paths} ${verb} missing (put all keys into ${keys}, or none: then new ones are made if the gate has none yet)`,
    )
  })
})
