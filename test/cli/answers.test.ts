/** What every command prints with `--json`, against the JSON Schema that is committed for it. */
import { readFileSync } from 'node:fs'
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Command } from 'commander'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { answerFile, answerSchemas } from '../../src/cli/json/json-schema.ts'
import { program } from '../../src/cli/program.ts'
import { outcome } from './outcome.ts'

const SCHEMAS = join(import.meta.dirname, '../../schema')
const committed = (command: string) => readFileSync(join(SCHEMAS, answerFile(command)), 'utf8')
const schemaOf = (command: string) => z.fromJSONSchema(JSON.parse(committed(command)))

let root: string
let written = ''
let gate: Server

const TOKENS = 'registry: { service: registry.acme.dev }\ntokens:\n  ci: { scopeMap: _repositories_push }\n'
const ZOT = { http: { accessControl: { repositories: { '**': { defaultPolicy: ['create'] } } } } }
const SCOPE_MAP = '/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerRegistry/registries/contoso/scopeMaps'
const AZURE = [{ id: `${SCOPE_MAP}/push`, name: 'push', actions: ['repositories/a/content/write'] }]
const RECORD = { time: '2026-08-01T10:00:00Z', id: 'r', decision: 'deny', reason: 'no_grant', status: 403, ms: 2 }

const DIGEST = `sha256:${'a'.repeat(64)}`
const MANIFEST = { digest: DIGEST, quarantineState: 'Pending', tags: ['v1'], createdTime: '2026-11-26T12:00:00.000Z' }
/** What a gate answers, by the start of the path. */
const GATE_ANSWERS: readonly (readonly [string, unknown])[] = [
  ['/v2/_catalog', { repositories: ['prod/shop'] }],
  [
    '/acr/v1/prod/shop/_protections',
    {
      protections: [{ name: 'waits', mode: 'enforce', writeOnce: true, tags: ['v*'], quarantine: true }],
      tags: [{ name: 'v1', digest: DIGEST, confirmed: true, protection: 'waits' }],
      covered: 2,
      adopted: [{ name: 'v1', digest: DIGEST }],
      conflicts: [{ name: 'v2', expected: DIGEST, found: null }],
    },
  ],
  ['/acr/v1/prod/shop/_manifests/', { manifest: { ...MANIFEST, quarantineDetails: 'none' } }],
  ['/acr/v1/prod/shop/_manifests', { manifests: [MANIFEST, { digest: DIGEST }] }],
]

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'dockgate-answers-'))
  await cp(join(import.meta.dirname, 'fixtures/explain'), join(root, 'explain'), { recursive: true })
  for (const folder of ['policies', 'broken', 'changed']) await mkdir(join(root, folder))
  await writeFile(join(root, 'policies/policy.yaml'), TOKENS)
  await writeFile(
    join(root, 'policies/a.test.yaml'),
    'tests: [{ as: token:ci, can: sign/write, on: a, expect: allow }]\n',
  )
  await writeFile(join(root, 'changed/policy.yaml'), TOKENS.replace('_push', '_pull'))
  await writeFile(join(root, 'broken/policy.yaml'), 'tokens: 5\nscopeMap: {}\n')
  await writeFile(join(root, 'zot.json'), JSON.stringify(ZOT))
  await writeFile(join(root, 'azure.json'), JSON.stringify(AZURE))
  await writeFile(join(root, 'docker.yaml'), 'users: {}\nacl: [{ match: { account: a }, actions: [pull] }]\n')
  const repository = { repository: 'prod/shop', tags: [{ name: 'v1', digest: DIGEST }] }
  await writeFile(join(root, 'tags.json'), JSON.stringify({ repositories: [repository] }))
  await writeFile(join(root, 'record.json'), JSON.stringify(RECORD))
  gate = createServer((request, response) => {
    response.statusCode = request.url === '/readyz' ? 503 : 200
    response.end(JSON.stringify(GATE_ANSWERS.find(([path]) => request.url?.startsWith(path))?.[1] ?? {}))
  })
  await new Promise<void>((resolve) => gate.listen(0, '127.0.0.1', resolve))
})
afterAll(async () => {
  gate.close()
  await rm(root, { recursive: true })
})

beforeEach(() => {
  vi.stubEnv('DOCKGATE_SIGNING_KEY', '')
  vi.stubEnv('POLICY_PUBLIC_KEYS', '')
  vi.stubEnv('DOCKGATE_TOKEN', 'scanner:secret')
  vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    written += String(text)
    return true
  })
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
  process.exitCode = undefined
})

/** The answer of a command line in which `DIR` is the scratch folder and `GATE` a gate; whatever its exit status is. */
async function answer(line: string): Promise<unknown> {
  written = ''
  const { port } = gate.address() as AddressInfo
  const words = line.split(' ').map((word) => word.replace('DIR', root).replace('GATE', `http://127.0.0.1:${port}`))
  const ended = await outcome([...words, '--json'])
  expect(written, ended).not.toBe('')
  return JSON.parse(written)
}

/** In this order: some leave behind what others need. By the name of the command. */
const CALLS: readonly (readonly [command: string, line: string])[] = [
  ['init', 'init --yes --upstream https://registry.internal.example --host registry.acme.dev --dir DIR/new'],
  ['keys generate', 'keys generate --out DIR/keys'],
  ['keys generate', 'keys generate'],
  ['check', 'check DIR/policies'],
  ['check', 'check DIR/explain'],
  ['check', 'check DIR/broken'],
  ['can', 'can token:ci content/read a --policies DIR/policies'],
  ['can', 'can token:CI content/delete a --policies DIR/policies'],
  ['can', 'can token:ci-samples content/delete release/app --policies DIR/explain'],
  ['explain', 'explain token:ci PUT /v2/a/manifests/v1 --policies DIR/policies'],
  ['explain', 'explain token:CI DELETE /v2/a/manifests/v1 --policies DIR/policies'],
  ['explain', 'explain token:ci GET /v2/.. --policies DIR/policies'],
  ['explain', 'explain --record DIR/record.json --policies DIR/policies'],
  ['who-can', 'who-can content/write --policies DIR/explain'],
  ['who-can', 'who-can content/delete release/app --policies DIR/explain'],
  ['who-can', 'who-can catalog/read --policies DIR/policies'],
  ['diff', 'diff DIR/policies DIR/changed'],
  ['diff', 'diff DIR/policies DIR/explain'],
  ['diff', 'diff DIR/policies DIR/policies'],
  ['build', 'build --policies DIR/policies'],
  ['build', 'build --policies DIR/policies --out DIR/bundle --key DIR/keys/policy-signing-key.json'],
  ['push', 'push --local --state DIR/state --policies DIR/policies --key DIR/keys/policy-signing-key.json'],
  ['push', 'push --local --state DIR/state --policies DIR/changed --key DIR/keys/policy-signing-key.json --dry-run'],
  ['push', 'push --local --state DIR/state --policies DIR/changed --key DIR/keys/policy-signing-key.json'],
  ['rollback', 'rollback --local --state DIR/state --key DIR/keys/policy-signing-key.json'],
  ['status', 'status --local --state DIR/state --key DIR/keys/policy-signing-key.json'],
  ['status', 'status --local --state DIR/state --key DIR/keys/policy-signing-key.json --url GATE'],
  ['prune', 'prune --local --state DIR/state --dry-run'],
  ['token create', 'token create web --scope-map _repositories_pull --policies DIR/policies'],
  ['token create', 'token create old --scope-map _repositories_pull --policies DIR/policies --no-expiry'],
  ['token rotate', 'token rotate web --policies DIR/policies'],
  ['token disable', 'token disable web --policies DIR/policies'],
  ['token disable', 'token disable web --policies DIR/policies'],
  ['token enable', 'token enable web --policies DIR/policies'],
  ['import azure', 'import azure DIR/azure.json'],
  ['import docker-auth', 'import docker-auth DIR/docker.yaml --out DIR/imported.yaml'],
  ['import zot', 'import zot DIR/zot.json'],
  ['logs', 'logs DIR/record.json --summary --policies DIR/policies'],
  ['protections list', 'protections list --url GATE'],
  ['protections show', 'protections show prod/shop --url GATE'],
  ['protections seed', 'protections seed --url GATE'],
  ['protections import', 'protections import DIR/tags.json --url GATE'],
  ['quarantine list', 'quarantine list --url GATE --state all'],
  ['quarantine show', `quarantine show prod/shop ${DIGEST} --url GATE`],
  ['quarantine release', `quarantine release prod/shop ${DIGEST} --url GATE`],
  ['quarantine reject', `quarantine reject prod/shop ${DIGEST} --url GATE --details none`],
  ['probe', 'probe GATE'],
  ['roles', 'roles'],
]

const READERS = [
  'can token:ci content/read a',
  'explain token:ci GET /v2/a/tags/list',
  'who-can content/read',
  'build',
  'push --local --key DIR/keys/policy-signing-key.json',
  'token create web --scope-map x',
  'token rotate ci',
  'token disable ci',
  'token enable ci',
].map((command) => `${command} --policies DIR/broken`)

describe('the answer in JSON', { timeout: 60_000 }, () => {
  it.each(CALLS)('of %s is what its schema says: dockgate %s', async (command, line) => {
    expect(schemaOf(command).safeParse(await answer(line))).toMatchObject({ success: true })
  })

  it.each([...READERS, 'diff DIR/broken DIR/policies', 'diff DIR/policies DIR/broken'])(
    'to policies that are not valid says what is wrong, and where: %s',
    async (line) => {
      const said = await answer(line)
      expect(schemaOf('invalid').safeParse(said)).toMatchObject({ success: true })
      const [name = '', second = ''] = line.split(' ')
      const command = name === 'token' ? `${name} ${second}` : name
      expect(schemaOf(command).safeParse(said)).toMatchObject({ success: true })
      expect(said).toMatchObject({
        valid: false,
        problems: [
          { severity: 'error', code: 'wrong_type', source: { file: `${root}/broken/policy.yaml`, line: 1, column: 9 } },
          {
            severity: 'error',
            code: 'unknown_key',
            source: { file: `${root}/broken/policy.yaml`, line: 2, column: 1 },
          },
        ],
      })
    },
  )

  it.each([
    ['can token:ci content/read a --policies DIR/broken', 2],
    ['explain token:ci GET /v2/a/tags/list --policies DIR/broken', 2],
    ['who-can content/read --policies DIR/broken', 2],
    ['diff DIR/policies DIR/broken', 2],
    ['check DIR/broken', 1],
    ['build --policies DIR/broken', 1],
  ])('%s ends with status %i, with it and without', async (line, status) => {
    for (const option of [[], ['--json']]) {
      const ended = await outcome([...line.split(' ').map((word) => word.replace('DIR', root)), ...option])
      expect(ended).toMatch(new RegExp(`^exit ${status}: the policies in .*/broken are not valid: 2 errors`))
    }
  })
})

describe('the schemas', () => {
  const withJson = (command: Command, prefix = ''): readonly string[] => [
    ...(command.options.some(({ long }) => long === '--json') ? [prefix.trim()] : []),
    ...command.commands.flatMap((child) => withJson(child, `${prefix} ${child.name()}`)),
  ]

  it('are one for each command that answers in JSON, and each is checked here', async () => {
    const commands = withJson(await program()).toSorted()
    const files = Object.keys(answerSchemas()).filter((name) => name !== answerFile('invalid'))
    expect(files.toSorted()).toEqual(commands.map(answerFile).toSorted())
    expect([...new Set(CALLS.map(([command]) => command))].toSorted()).toEqual(commands)
  })

  it.each(Object.entries(answerSchemas()))('%s is that of the definition (else: npm run schema)', (name, text) => {
    expect(readFileSync(join(SCHEMAS, name), 'utf8')).toBe(text)
  })

  it.each([
    ['can', { decision: 'maybe', by: [] }],
    ['can', { decision: 'allow', by: [{ kind: 'scopeMap', name: 'a', source: 'policies/a.yaml:3' }] }],
    ['can', { decision: 'allow', by: [], more: 1 }],
    ['check', { valid: true, problems: [] }],
    ['who-can', { permission: 'content/read', principals: [{ principal: 'token:a', by: [], on: 'a' }], except: [] }],
    ['token rotate', { token: 'ci', file: 'a', password: 'password3', secret: 'x' }],
  ])('refuse an answer of another shape: %s %j', (command, value) => {
    expect(schemaOf(command).safeParse(value).success).toBe(false)
  })
})
