/** Every way in which a command that needs no store refuses: its exit status, its words, and what it says to do. */

import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import readline from 'node:readline/promises'
import { Readable } from 'node:stream'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest'
import { digestOf, shardKey } from '../../src/bundle/digest.ts'
import { generateKey, parseSigningKey } from '../../src/bundle/keys.ts'
import { reload, tellFault, untilReady } from '../../src/cli/commands/dev/dev.ts'
import { seedRegistry } from '../../src/cli/commands/dev/seed.ts'
import { startGate } from '../../src/cli/commands/dev/worker.ts'
import { readExpiry } from '../../src/cli/commands/token/expiry.ts'
import { TokenFolder } from '../../src/cli/commands/token/folder.ts'
import { developmentKeys, needSigningKey } from '../../src/cli/keys/key-files.ts'
import { bytesOf } from '../bundle/fixture.ts'
import { outcome, outcomeOf } from './outcome.ts'

/** What `init` must be told where nobody is asked. */
const INIT = 'init --yes --upstream https://r.example.org --host gate.example.org'
const HOST_HINT = 'write it in lower case, without https://, as in registry.example.com'

const POLICY = `registry: { service: contoso.azurecr.io }
scopeMaps: { push: { actions: [repositories/a/content/write] } }
tokens: { ci: { scopeMap: push } }
`
const ID = '/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerRegistry/registries/contoso'
const EDGE = { id: `${ID}/tokens/edge`, name: 'edge', scopeMapId: `${ID}/scopeMaps/_repositories_pull` }
const RECORD = { time: '2026-08-01T10:00:00Z', id: 'r', decision: 'deny', status: 403 }

const HOW_TO_MAKE_ONE =
  'make one with `dockgate keys generate --out keys`, then give it with `--key keys/policy-signing-key.json` or in DOCKGATE_SIGNING_KEY'
const PRINCIPALS = 'write token:NAME, identity:NAME, subject:ISSUER/ID, group:ISSUER/ID, anonymous or everyone'
const WHEN = 'write --expires 30d or 2027-03-01T12:00:00Z'

let root: string
let printed = ''

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'dockgate-refusals-'))
  const files: Readonly<Record<string, string>> = {
    'good/policy.yaml': POLICY,
    'broken/a.yaml': 'tokens: 5\n',
    'azure/list.json': JSON.stringify([EDGE]),
    'aliases/a.yaml': 'tokens:\n  a: &a { scopeMap: _repositories_pull }\n  b: *a\n',
    'failing/a.yaml': POLICY,
    'failing/a.test.yaml': 'tests:\n  - { as: token:ci, can: content/read, on: a, expect: allow }\n',
    'reasons/a.yaml': POLICY,
    'nonsense/a.yaml': POLICY,
    'nonsense/a.test.yaml': 'tests: [ { as: token:ci, request: DELTE /v2/a/manifests/v1, expect: deny } ]',
    'reasons/a.test.yaml':
      'tests:\n  - { as: token:ci, can: content/read, on: a, expect: deny, reason: token_disabled }\n',
    'taken/policies/mine.yaml': '',
    'values/wrangler.toml': '',
    'listed/package.json': '[]',
    'keys/policy-signing-key.json': 'secret\n',
    'lost/keys/policy-signing-key.json': '{}',
    'records.log': `${JSON.stringify(RECORD)}\n${JSON.stringify(RECORD)}\n`,
    'empty.log': 'GET /v2/ 200\n',
    'zot.json': JSON.stringify({ http: { accessControl: { repositories: { '**': { defaultPolicy: ['create'] } } } } }),
    'wide.zot.json': JSON.stringify({
      http: { accessControl: { repositories: { a: { anonymousPolicy: ['read'] } } } },
    }),
    'plain.zot.json': JSON.stringify({ http: { accessControl: { repositories: { a: { defaultPolicy: [] } } } } }),
    'made.json': '',
  }
  for (const [file, text] of Object.entries(files)) {
    await mkdir(join(root, file, '..'), { recursive: true })
    await writeFile(join(root, file), text)
  }
  await writeFile(join(root, 'latin.json'), Buffer.from('"\xe9"', 'latin1'))
  await mkdir(join(root, 'blocked/pointer.jws'), { recursive: true })
  const { private: privateKey, public: publicKey } = await generateKey('EdDSA')
  await writeFile(join(root, 'key.json'), JSON.stringify(privateKey))
  await writeFile(join(root, 'public.json'), JSON.stringify(publicKey))
})
afterAll(() => rm(root, { recursive: true }))

beforeEach(() => {
  printed = ''
  vi.stubEnv('DOCKGATE_SIGNING_KEY', '')
  vi.spyOn(process.stdout, 'write').mockReturnValue(true)
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    printed += String(text)
    return true
  })
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
  vi.unstubAllGlobals()
  vi.useRealTimers()
})

const shown = (text: string): string => text.replaceAll(root, 'DIR')
const said = async (run: Promise<unknown>): Promise<string> => shown(await outcomeOf(run))

it.each([
  ['check DIR/broken', 'exit 1: the policies in DIR/broken are not valid: 1 error'],
  ['check DIR/failing', 'exit 1: 1 decision test of 1 failed'],
  [
    'push --local --require-tests --policies DIR/failing --key DIR/key.json --state DIR/state',
    'exit 1: 1 decision test of 1 failed: nothing is pushed (mend the policies or the tests; without --require-tests they are pushed all the same)',
  ],
  ['check DIR/nowhere', 'exit 2: the folder DIR/nowhere does not exist (name the folder that holds the policy files)'],
  [
    'who-can content/read --policies DIR/broken',
    'exit 2: the policies in DIR/broken are not valid: 1 error (mend what is listed above, then try again; `dockgate check` shows warnings too)',
  ],
  [
    'who-can content/read --json --policies DIR/broken',
    'exit 2: the policies in DIR/broken are not valid: 1 error (mend what is listed in the answer, then try again; `dockgate check` shows warnings too)',
  ],
  ['can token:ci pull a', 'exit 2: "pull" is not a permission (a pull needs content/read)'],
  [
    'can token:ci read a',
    'exit 2: "read" is not a permission (content/read is to pull, metadata/read to list tags and to read attributes)',
  ],
  [
    'can token:ci PUSH a',
    'exit 2: "PUSH" is not a permission (a push needs content/read and content/write: ask for each, or ask `dockgate explain … PUT /v2/samples/app/manifests/v1`)',
  ],
  [
    'who-can PUSH',
    'exit 2: "PUSH" is not a permission (a push needs content/read and content/write: ask for each, or ask `dockgate explain … PUT /v2/samples/app/manifests/v1`)',
  ],
  [
    'can token:ci write a',
    'exit 2: "write" is not a permission (content/write is to push, metadata/write to change attributes)',
  ],
  [
    'can token:ci delete a',
    'exit 2: "delete" is not a permission (content/delete is to delete manifests and tags, metadata/delete to delete attributes)',
  ],
  [
    'can token:ci list a',
    'exit 2: "list" is not a permission (metadata/read is to list tags, catalog/read to list repositories)',
  ],
  [
    'who-can list',
    'exit 2: "list" is not a permission (metadata/read is to list tags, catalog/read to list repositories)',
  ],
  ['can token:ci tags a', 'exit 2: "tags" is not a permission (metadata/read is to list tags)'],
  ['can token:ci catalog a', 'exit 2: "catalog" is not a permission (catalog/read is to list repositories)'],
  [
    'explain token:ci GET samples/app:v1',
    'exit 2: "samples/app:v1" is not a path of a request (write /v2/samples/app/manifests/v1)',
  ],
  [
    'explain token:ci GET samples/app',
    'exit 2: "samples/app" is not a path of a request (write /v2/samples/app/manifests/latest)',
  ],
  [
    'explain token:ci GET ghcr.io/acme/app:v1',
    'exit 2: "ghcr.io/acme/app:v1" is not a path of a request (write /v2/acme/app/manifests/v1)',
  ],
  [
    'explain token:ci GET localhost:5000/app',
    'exit 2: "localhost:5000/app" is not a path of a request (write /v2/app/manifests/latest)',
  ],
  [
    'explain token:ci GET reg.io/a@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
    'exit 2: "reg.io/a@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" is not a path of a request (write /v2/a/manifests/sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa)',
  ],
  [
    'explain token:ci GET reg.io/a:v1@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
    'exit 2: "reg.io/a:v1@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" is not a path of a request (write /v2/a/manifests/sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa)',
  ],
  [
    'explain token:ci GET Samples/App:v1',
    'exit 2: "Samples/App:v1" is not a path of a request (write /v2/samples/app/manifests/v1)',
  ],
  [
    'explain token:ci GET v2/samples/app/tags/list',
    'exit 2: "v2/samples/app/tags/list" is not a path of a request (write /v2/samples/app/tags/list)',
  ],
  ['explain token:ci GET a:b:c', 'exit 2: "a:b:c" is not a path of a request (write /v2/samples/app/manifests/v1)'],
  ['explain token:ci PULL /v2/', 'exit 2: "PULL" is not an HTTP method (write GET, HEAD, PUT, POST, PATCH or DELETE)'],
  ['explain token:ci DELTE /v2/', 'exit 2: "DELTE" is not an HTTP method (did you mean DELETE?)'],
  ['explain token:ci /v2/ GET', 'exit 2: "/v2/" is not an HTTP method (write GET, HEAD, PUT, POST, PATCH or DELETE)'],
  ['can ci content/read a', `exit 2: "ci" is not a principal (${PRINCIPALS})`],
  ['can token:ci content/raed a', 'exit 2: "content/raed" is not a permission (did you mean content/read?)'],
  [
    'can token:ci fly a',
    'exit 2: "fly" is not a permission (permissions are content/read, content/write, content/delete, metadata/read, metadata/write, metadata/delete, quarantine/read, quarantine/write, sign/write, catalog/read)',
  ],
  [
    'can token:ci content/read A',
    'exit 2: "A" is not a repository name (names are lower case, without host and tag, e.g. samples/app)',
  ],
  ['can token:ci catalog/read a', 'exit 2: catalog/read is not about one repository (leave the repository out)'],
  ['can token:ci content/read', 'exit 2: content/read needs a repository (add one: … content/read samples/app)'],
  ['can token:ci catalog/read --claim x', 'exit 2: "x" is not a claim (write --claim name=value)'],
  ['can token:ci content/read a --tag .', 'exit 2: "." is not a tag (a tag is up to 128 letters, digits, _ . -)'],
  ['can token:ci catalog/read --ip 10', 'exit 2: "10" is not an IP address (write 203.0.113.7 or 2001:db8::7)'],
  [
    'can token:ci catalog/read --group x --no-groups',
    'exit 2: --group and --no-groups are both given (keep one of them)',
  ],
  ['can token:ci catalog/read --at now', 'exit 2: "now" is not a time (write it as 2027-01-31T12:00:00Z)'],
  [
    'can token:ci catalog/read --at 2026-02-30T00:00:00Z',
    'exit 2: "2026-02-30T00:00:00Z" is not a time (write it as 2027-01-31T12:00:00Z)',
  ],
  [
    'can token:ci catalog/read --at 2026-12-31',
    'exit 2: "2026-12-31" is not a time (did you mean 2026-12-31T00:00:00Z?)',
  ],
  [
    'can token:ci catalog/read --at 2026-08-01T10:00:00.123Z',
    'exit 2: "2026-08-01T10:00:00.123Z" is not a time (did you mean 2026-08-01T10:00:00Z?)',
  ],
  [
    'explain token:ci GET',
    "exit 2: missing required argument 'path' (write dockgate explain token:ci GET /v2/samples/app/manifests/v1, or give --record)",
  ],
  ['explain token:ci --record x', 'exit 2: a record and a request are both given (give one of them)'],
  ['explain --record DIR/none', 'exit 2: DIR/none cannot be read (name a file, or - for standard input)'],
  [
    'explain --record DIR/empty.log',
    'exit 2: DIR/empty.log holds no audit record (a record is one line of the gate\'s log: {"time":…,"id":…,"decision":…,"status":…})',
  ],
  [
    'explain --record DIR/records.log --id x',
    'exit 2: DIR/records.log holds no audit record of request x (a record is one line of the gate\'s log: {"time":…,"id":…,"decision":…,"status":…})',
  ],
  ['explain --record DIR/records.log', 'exit 2: DIR/records.log holds 2 records (choose one with --id REQUEST_ID)'],
  [
    'diff DIR/nowhere DIR/good',
    'exit 2: DIR/nowhere does not exist (name a policy folder, or what dockgate build -o wrote)',
  ],
  [
    'build --policies DIR/good --out DIR/made.json --key DIR/key.json',
    'exit 3: the folder DIR/made.json cannot be made (choose another with --out)',
  ],
  [
    'build --policies DIR/good --out DIR/blocked --key DIR/key.json',
    'exit 3: DIR/blocked/pointer.jws cannot be written (choose another folder with --out)',
  ],
  ['build --out DIR/x --key DIR/none', `exit 2: the file DIR/none does not exist (${HOW_TO_MAKE_ONE})`],
  [
    'build --out DIR/x --key DIR/public.json',
    `exit 2: DIR/public.json holds no signing key: the first key is not a private key: it has no d (${HOW_TO_MAKE_ONE})`,
  ],
  [
    'build --out DIR/x --key DIR/good',
    'exit 3: DIR/good cannot be used: EISDIR: illegal operation on a directory, read',
  ],
  [
    'keys generate --out DIR/keys',
    'exit 1: DIR/keys/policy-signing-key.json exists and is not overwritten (name another folder with --out, or move the old keys away)',
  ],
  [
    'keys generate --out DIR/made.json',
    "exit 3: DIR/made.json cannot be used: EEXIST: file already exists, mkdir 'DIR/made.json'",
  ],
  ['dev --upstream registry', 'exit 2: registry is not a URL (write it as https://registry.example.com)'],
  [
    'dev --policies DIR/good --state DIR/state --port 0 --log DIR/nowhere/log',
    "exit 3: DIR/nowhere/log cannot be written: ENOENT: no such file or directory, open 'DIR/nowhere/log' (name another file with --log)",
  ],
  ['dev --port x', "exit 2: option '--port <n>' argument 'x' is invalid. a port is a whole number from 0 to 65535."],
  ['init --service https://x', `exit 2: "https://x" is not a host name (${HOST_HINT})`],
  [
    'init --yes --dir DIR/x --host GATE',
    'exit 2: the registry behind the gate is not given (add --upstream https://HOST)',
  ],
  [
    'init --yes --dir DIR/x --upstream https://r.example.org',
    'exit 2: the host name of the gate is not given (add --host HOST: the name that clients log in to)',
  ],
  [
    `init --yes --dir DIR/x --upstream https://r.example.org --host GATE`,
    `exit 2: "GATE" is not a host name (${HOST_HINT})`,
  ],
  [
    `${INIT} --dir DIR/x --issuer github --pusher acme`,
    'exit 2: no token of github is of "acme" (write the owner and the repository or project, as in acme/app)',
  ],
  [
    `${INIT} --dir DIR/listed`,
    'exit 1: DIR/listed/package.json cannot be read: it is not an object (correct it, or name another folder with --dir)',
  ],
  [
    'init --yes --dir DIR/taken',
    'exit 1: DIR/taken/policies holds policies already; nothing is overwritten (name another folder with --dir, or go on with `dockgate check`)',
  ],
  [
    'init --yes --dir DIR/values',
    'exit 1: DIR/values/wrangler.toml exists; nothing is overwritten (name another folder with --dir, or go on with `dockgate check`)',
  ],
  [
    `${INIT} --dir DIR/made.json`,
    'exit 3: DIR/made.json/policies/policy.yaml cannot be written (name another folder with --dir)',
  ],
  [
    'init --yes --dir DIR/x --tokens --issuer github',
    'exit 2: --tokens and --issuer contradict each other (leave one of them out)',
  ],
  [
    'init --yes --dir DIR/x --upstream ghcr.io',
    'exit 2: "ghcr.io" is not a URL of a registry (write https://host, without /v2; its credentials are secrets of the Worker)',
  ],
  [
    `${INIT} --dir DIR/x --issuer bitbucket`,
    'exit 2: "bitbucket" is not an issuer (write tokens, github, gitlab or an https URL)',
  ],
  [
    `${INIT} --dir DIR/x --push A/*`,
    'exit 2: "A/*" is not a repository pattern: repositories are lower-case (write a/*)',
  ],
  [`${INIT} --dir DIR/x --issuer github`, 'exit 2: it takes a name to say who may push (add --pusher acme/app)'],
  [
    `${INIT} --dir DIR/x --issuer github --pusher a/*`,
    'exit 2: "a/*" is not a subject (write it in full, as in acme/app, without spaces and *)',
  ],
  ['import zot DIR/none', 'exit 2: DIR/none cannot be read (name the file to import)'],
  ['import zot DIR/latin.json', 'exit 1: DIR/latin.json: a byte here is not UTF-8 (save the file as UTF-8)'],
  [
    'import zot DIR/made.json',
    'exit 1: DIR/made.json has no http.accessControl (without it zot lets everybody who signs in do everything)',
  ],
  [
    'import zot DIR/zot.json',
    'exit 1: 1 rule could not be imported, or not whole (they are marked lost; the imported policy gives less there, and nowhere more)',
  ],
  [
    'import zot DIR/wide.zot.json',
    'exit 1: the policy gives more than the original in 1 place (the places are marked lost (less) and wider (more): look at each before you deploy the policy)',
  ],
  [
    'import zot DIR/plain.zot.json --out DIR/made.json',
    'exit 1: DIR/made.json exists and is not overwritten (name another file with --out)',
  ],
  [
    'import zot DIR/plain.zot.json --out DIR/none/x',
    'exit 3: DIR/none/x cannot be written (name another file with --out)',
  ],
  [
    'probe registry.example.com',
    'exit 2: <url> is not an http URL without credentials (e.g. https://registry.example.com)',
  ],
  [
    'probe https://r.example/v2/',
    "exit 2: 'https://r.example/v2/' has a path (a gate has its whole host: try https://r.example)",
  ],
  [
    'probe https://r.example --repository A',
    "exit 2: 'A' is not a repository name (write it without host and tag: acme/app)",
  ],
  ['probe https://r.example --token x', 'exit 2: the token is not NAME:SECRET (e.g. --token nobody:SECRET)'],
  [
    'probe http://127.0.0.1:1',
    'exit 3: http://127.0.0.1:1 does not answer: connect ECONNREFUSED 127.0.0.1:1 (give the address of a gate that runs, e.g. https://registry.example.com)',
  ],
  [
    'token create web --scope-map push --policies DIR/broken',
    'exit 1: the policies in DIR/broken are not valid: 1 error (mend what is listed above, then try again; `dockgate check` shows warnings too)',
  ],
  [
    'token create we.b --policies DIR/good',
    'exit 2: "we.b" is not a name for a token (use 1 to 50 letters, digits, - and _)',
  ],
  [
    'token create ci --policies DIR/good',
    'exit 1: the token ci exists (give it a new password with `dockgate token rotate ci`)',
  ],
  [
    'token create web --policies DIR/good',
    'exit 2: a token needs a scope map, which says what it may do (add --scope-map NAME; there are push, _repositories_admin, _repositories_pull, _repositories_pull_metadata_read, _repositories_push, _repositories_push_metadata_write)',
  ],
  [
    'token create web --scope-map pusch --policies DIR/good',
    'exit 1: DIR/good has no scope map "pusch" (did you mean push?)',
  ],
  [
    'token create web --expires 1d --no-expiry --policies DIR/good',
    'exit 2: --expires and --no-expiry contradict each other (leave one of them out)',
  ],
  [
    'token create web --scope-map push --file DIR/x.yaml --policies DIR/good',
    'exit 2: DIR/x.yaml cannot be a policy file of DIR/good (name a *.yaml, *.yml or *.json in it; there are policy.yaml)',
  ],
  [
    'token rotate web --policies DIR/good',
    'exit 1: DIR/good has no token "web" (make it with `dockgate token create web`)',
  ],
  ['token rotate ci- --policies DIR/good', 'exit 1: DIR/good has no token "ci-" (did you mean ci?)'],
  [
    'token disable edge --policies DIR/azure',
    'exit 1: the status of token edge comes from the Azure list in DIR/azure/list.json:1 (disable it in Azure and export the list again, or take it out of the list)',
  ],
  [
    'token disable b --policies DIR/aliases',
    'exit 1: DIR/aliases/a.yaml is laid out so that it cannot be changed in place (write the token b without aliases and as a mapping of its own, or name another file with --file)',
  ],
])('%s', async (command, expected) => {
  expect(shown(await outcome(command.replaceAll('DIR', root).split(' ')))).toEqual(expected)
})

it.each([
  [
    'check DIR/failing',
    'DIR/failing/a.test.yaml:2:5: test failed: expected allow; got deny: token:ci has no content/read on a\n',
  ],
  [
    'check DIR/nonsense',
    'DIR/nonsense/a.test.yaml:1:10: test failed: deny: not a registry request: no registry operation has this path and the method DELTE; mend the request, or add reason: not_a_registry_request\n',
  ],
  [
    'check DIR/reasons',
    'DIR/reasons/a.test.yaml:2:5: test failed: expected reason token_disabled, got no_grant; got deny: token:ci has no content/read on a\n',
  ],
])('%s says why', async (command, expected) => {
  await outcome(command.replaceAll('DIR', root).split(' '))
  expect(shown(printed).replace(/^.*warning: .*\n.*hint: .*\n/gm, '')).toEqual(expected)
})

it.each([
  ['12', `exit 2: "12" is neither a time nor a span of time (${WHEN})`],
  ['0d', `exit 2: "0d" is not in the future (${WHEN})`],
  ['2026-08-31T00:00:00Z', `exit 2: 2026-08-31T00:00:00Z has passed (${WHEN})`],
  ['2027-03-01', 'exit 2: "2027-03-01" is neither a time nor a span of time (did you mean 2027-03-01T00:00:00Z?)'],
  ['2027-02-30T00:00:00Z', `exit 2: "2027-02-30T00:00:00Z" is neither a time nor a span of time (${WHEN})`],
])('a password that ends %s is refused', async (text, expected) => {
  expect(await said((async () => readExpiry(text, Date.parse('2026-09-01T00:00:00Z') / 1000))())).toEqual(expected)
})

it('standard input that holds no record is named', async () => {
  const { stdin } = process
  const instead = (value: unknown) => Object.defineProperty(process, 'stdin', { value, configurable: true })
  instead(Readable.from(['GET /v2/ 200\n']))
  try {
    expect(await outcome(['explain', '--id', 'x'])).toEqual(
      'exit 2: standard input holds no audit record of request x (a record is one line of the gate\'s log: {"time":…,"id":…,"decision":…,"status":…})',
    )
  } finally {
    instead(stdin)
  }
})

/** Runs `dockgate init` on a terminal where somebody answers. */
async function initOnTerminal(dir: string, question: () => Promise<string>): Promise<string> {
  for (const stream of [process.stdin, process.stderr])
    Object.defineProperty(stream, 'isTTY', { value: true, configurable: true })
  const { createInterface } = readline
  Object.assign(readline, { createInterface: () => ({ question, close: () => {} }) })
  syncBuiltinESMExports()
  try {
    return shown(await outcome([...INIT.split(' ').filter((word) => word !== '--yes'), '--dir', dir]))
  } finally {
    Object.assign(readline, { createInterface })
    syncBuiltinESMExports()
    for (const stream of [process.stdin, process.stderr]) Reflect.deleteProperty(stream, 'isTTY')
  }
}

it('questions that nobody answers write nothing', async () => {
  const question = () => Promise.reject(Object.assign(new Error('Ctrl+C'), { name: 'AbortError' }))
  expect(await initOnTerminal(join(root, 'asked'), question)).toEqual(
    'exit 1: the questions were not answered: nothing is written (or answer them by options: see `dockgate init --help`)',
  )
})

it('a file that appears while questions are asked stays', async () => {
  const file = join(root, 'late/policies/policy.yaml')
  const question = async () => {
    await mkdir(join(file, '..'), { recursive: true })
    await writeFile(file, 'mine')
    return ''
  }
  expect(await initOnTerminal(join(root, 'late'), question)).toEqual(
    'exit 1: DIR/late/policies/policy.yaml exists; nothing is overwritten (name another folder with --dir, or go on with `dockgate check`)',
  )
  expect(await readFile(file, 'utf8')).toBe('mine')
})

it('a file that changed while a token was made stays', async () => {
  const folder = await TokenFolder.open(join(root, 'good'))
  await writeFile(join(root, 'good/policy.yaml'), `${POLICY}# mine\n`)
  const write = folder.write('policy.yaml', 'web', [{ path: [], value: { scopeMap: 'push' } }])
  expect(await said(write)).toEqual(
    'exit 3: DIR/good/policy.yaml cannot be written: it has changed meanwhile (nothing was changed)',
  )
  await mkdir(join(root, 'good/web.yaml'))
  const other = folder.write('web.yaml', 'web', [{ path: [], value: { scopeMap: 'push' } }])
  expect(await said(other)).toEqual(
    'exit 3: DIR/good/web.yaml cannot be written: it exists, and is not a file that can be read (nothing was changed)',
  )
  const wrong = folder.write('policy.yaml', 'web', [{ path: [], value: { scopeMap: 'none' } }])
  expect(await said(wrong)).toEqual(
    'exit 1: the change would make the policies invalid: 1 error (nothing was changed; see above)',
  )
})

it('a key is asked for where there is none', async () => {
  expect(await said(developmentKeys(join(root, 'lost')))).toEqual(
    'exit 1: DIR/lost/keys/policy-public-keys.json is missing (remove DIR/lost/keys to have new keys made)',
  )
  expect(await said(needSigningKey({}))).toEqual(
    `exit 2: the key that signs the bundle is missing (${HOW_TO_MAKE_ONE})`,
  )
})

it('a bundle that is damaged is not compared', async () => {
  const bundle = join(root, 'bundle')
  const pointer = join(bundle, 'pointer.jws')
  const wrong = async (why: string) =>
    expect(shown(await outcome(['diff', bundle, join(root, 'good')]))).toEqual(
      `exit 2: the bundle DIR/bundle/pointer.jws cannot be read: ${why} (write it again with dockgate build -o)`,
    )
  const [policies, key] = [join(root, 'failing'), join(root, 'key.json')]
  expect(await outcome(['build', '--policies', policies, '--out', bundle, '--key', key])).toBe('no error')
  const [, payload = ''] = (await readFile(pointer, 'utf8')).split('.')
  const manifest: { shards: string } = JSON.parse(Buffer.from(payload, 'base64url').toString())
  const fileOf = (digest: string) => `shards/${shardKey(digest).replace(':', '-')}.json`

  const named = await digestOf(bytesOf('{"root":{}}'))
  await writeFile(join(bundle, fileOf(named)), '{"root":{}}')
  await writeFile(pointer, `.${Buffer.from(JSON.stringify({ ...manifest, shards: named })).toString('base64url')}.`)
  await wrong(`DIR/bundle/${fileOf(named)} names "root", which is not a principal`)

  await writeFile(pointer, `.${payload}.`)
  await rm(join(bundle, fileOf(manifest.shards)))
  await wrong(`DIR/bundle/${fileOf(manifest.shards)} is missing`)

  await writeFile(pointer, '.e30.')
  await wrong("the bundle's manifest cannot be read: format is not there; push it again")
})

it('a development registry that fails', () => {
  tellFault(new Error('no space'))
  expect(printed).toEqual('dockgate: error: the development registry failed: no space\n')
})

it('a gate that does not start', async () => {
  const gate = startGate({
    host: 'no.such.host.invalid',
    port: 1,
    stateDirectory: join(root, 'state'),
    bindings: {},
    onLog: () => {},
  })
  expect(await said(gate)).toEqual(
    'exit 3: the gate did not start on no.such.host.invalid:1 (if the port is taken, choose another with `--port`)',
  )
})

it('a gate that does not become ready, and a registry that takes no image', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout'] })
  vi.stubGlobal('fetch', async () => new Response('no policy', { status: 503 }))
  const ready = said(untilReady({ url: 'http://gate' }))
  await vi.advanceTimersByTimeAsync(60_000)
  expect(await ready).toEqual('exit 3: the gate does not become ready: no policy')
  expect(await said(seedRegistry('http://registry'))).toEqual(
    'exit 3: the development registry answered 503 to POST http://registry/v2/public/hello/blobs/uploads/',
  )
})

it('a change that is not valid is told, and not pushed', async () => {
  const key = await parseSigningKey(await readFile(join(root, 'key.json'), 'utf8'))
  const kv = new Proxy(Object.create(null), {
    get: (_, name) => {
      throw new Error(`${String(name)} of the store`)
    },
  })
  await reload(join(root, 'broken'), root, { kv }, key)
  expect(shown(printed).split('\n').slice(-2)).toEqual([
    'dockgate: error: the policies in DIR/broken are not valid: the last good ones stay in force',
    '',
  ])
})
