/** How `dockgate serve` refuses to start, and what it prints for workerd. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { takeStateFolder } from '../../src/cli/commands/serve/state-folder.ts'
import { runUntil, startWorkerd } from '../../src/cli/commands/serve/workerd.ts'
import { generateKeys, writeKeys } from '../../src/cli/keys/key-files.ts'
import { outcome, outcomeOf } from './outcome.ts'

let root: string
let written = ''

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'dockgate-serve-'))
  await writeKeys(join(root, 'keys'), await generateKeys('EdDSA'))
})
afterAll(() => rm(root, { recursive: true }))
beforeEach(() => {
  written = ''
  for (const name of ['POLICY_PUBLIC_KEYS', 'TOKEN_SIGNING_KEY', 'UPSTREAM', 'UPSTREAMS']) vi.stubEnv(name, '')
  vi.spyOn(process, 'cwd').mockReturnValue(root)
  vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    written += String(text)
    return true
  })
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
})

const run = async (line: string): Promise<string> =>
  (await outcome(line.replaceAll('DIR', root).split(' '))).replaceAll(root, 'DIR')
const KEYS = '--public-keys DIR/keys/policy-public-keys.json --token-key DIR/keys/token-signing-key.json'
const SERVE = 'serve --upstream http://127.0.0.1:5000 --store dir:DIR/store'

describe('serve', () => {
  it.each([
    ['serve --store dir:x', 'exit 2: no registry is named (give --upstream URL, or set UPSTREAM or UPSTREAMS)'],
    ['serve --store kv', 'exit 2: serve cannot read Workers KV (name a store of dir:PATH or oci://HOST/REPOSITORY)'],
    ['serve --store s3://b', "exit 2: 's3://b' is not a store (write kv, dir:PATH or oci://HOST/REPOSITORY:TAG)"],
    ...['registry', 'ftp://registry', 'https://gate:secret@registry.internal'].map((upstream) => [
      `serve --store dir:x --upstream ${upstream}`,
      'exit 2: --upstream is not an http URL without credentials (e.g. https://registry.example.com)',
    ]),
    [
      `${SERVE} --client-ip-header X:Y`,
      "exit 2: 'X:Y' is not the name of a header (e.g. --client-ip-header X-Forwarded-For)",
    ],
    [
      SERVE,
      'exit 2: the keys that verify the policy are missing (make keys with `dockgate keys generate --out keys`, and give --public-keys keys/policy-public-keys.json or POLICY_PUBLIC_KEYS)',
    ],
    [
      `${SERVE} --public-keys DIR/keys/policy-public-keys.json`,
      'exit 2: the key that signs access tokens is missing (make keys with `dockgate keys generate --out keys`, and give --token-key keys/token-signing-key.json or TOKEN_SIGNING_KEY)',
    ],
    [`${SERVE} --public-keys DIR/none`, 'exit 2: the file DIR/none does not exist'],
    [`${SERVE} ${KEYS} --tls-cert x`, 'exit 2: --tls-cert and --tls-key go together (give both)'],
    [`${SERVE} ${KEYS} --listen 8787`, "exit 2: --listen is not an address: '8787' (e.g. --listen 0.0.0.0:8787)"],
    [`${SERVE} ${KEYS} --admin a:70000`, "exit 2: --admin is not an address: 'a:70000' (e.g. --admin 0.0.0.0:8787)"],
  ])('%s', async (line, expected) => {
    expect(await run(line)).toEqual(expected)
  })

  it('does not start over a store that is not a folder', async () => {
    await writeFile(join(root, 'a-file'), '')
    expect(await run(`serve --upstream http://127.0.0.1:5000 --store dir:DIR/a-file ${KEYS}`)).toEqual(
      "exit 3: the store in DIR/a-file cannot be used: EEXIST: file already exists, mkdir 'DIR/a-file'",
    )
  })

  it('prints a configuration with absolute paths and without a secret', async () => {
    vi.stubEnv('UPSTREAM_PASSWORD', 'a-secret-of-the-registry')
    vi.stubEnv('UPSTREAM_USERNAME', 'gate')
    const tls = '--tls-cert DIR/cert.pem --tls-key DIR/key.pem'
    expect(await run(`${SERVE} ${KEYS} ${tls} --state DIR/state --admin 127.0.0.1:9 --print-config`)).toBe('no error')
    const text = written.replaceAll(root, 'DIR')
    expect(text).not.toContain('a-secret-of-the-registry')
    expect(text).not.toContain(JSON.parse(await readFile(join(root, 'keys/token-signing-key.json'), 'utf8')).d)
    for (const part of [
      '(name = "UPSTREAM_PASSWORD", fromEnvironment = "UPSTREAM_PASSWORD")',
      '(name = "TOKEN_SIGNING_KEY", fromEnvironment = "TOKEN_SIGNING_KEY")',
      '(name = "policy", disk = (path = "DIR/store"))',
      '(name = "state", disk = (path = "DIR/state", writable = true))',
      'privateKey = embed "DIR/key.pem", certificateChain = embed "DIR/cert.pem"',
      '(name = "admin", address = "127.0.0.1:9", service = (name = "gate", entrypoint = "Admin"), http = ())',
      '(name = "CLIENT_IP_HEADER", text = "none")',
    ]) {
      expect(text).toContain(part)
    }
  })

  it('names an artifact as the store, and the time that the registry has', async () => {
    vi.stubEnv('UPSTREAM_TIMEOUT_SECONDS', '7')
    const store = 'oci://registry.example.com/policy/gate:live'
    expect(await run(`serve --upstream https://r.example --store ${store} ${KEYS} --print-config`)).toBe('no error')
    expect(written).toContain(`(name = "POLICY_STORE", text = "${store}")`)
    expect(written).toContain('(name = "UPSTREAM_TIMEOUT_SECONDS", text = "7")')
    expect(written).not.toContain('kvNamespace')
    expect(written).not.toContain('durableObjectNamespaces')
  })
})

describe('workerd', () => {
  const options = { environment: {}, sockets: ['gate'], onRecord: () => undefined, onLine: () => undefined }
  it('that ends at once is said, with its lines', async () => {
    const program = process.execPath
    const ended = await outcomeOf(startWorkerd({ ...options, program, configuration: '' }))
    expect(ended.split('\n')[0]).toEqual('exit 3: workerd did not start, and ended with status 1')
  })

  it('that ends by itself is said, and one that is to end is stopped', async () => {
    const stop = vi.fn(async () => undefined)
    const never = new Promise<never>(() => undefined)
    expect(await outcomeOf(runUntil(never, { ended: Promise.resolve(139), stop }))).toEqual(
      'exit 3: workerd ended with status 139 (its last lines are above; start it again)',
    )
    expect(stop).not.toHaveBeenCalled()
    expect(await outcomeOf(runUntil(Promise.resolve(), { ended: never, stop }))).toBe('no error')
    expect(stop).toHaveBeenCalledOnce()
  })

  it('that is not there is said', async () => {
    expect(await outcomeOf(startWorkerd({ ...options, program: '/none', configuration: '' }))).toEqual(
      'exit 3: workerd did not start, and ended with status 127 (if the address is in use, choose another with --listen; if there are no CA certificates, install the package ca-certificates)',
    )
  })
})

describe('the folder with the state', () => {
  it('is that of one gate', async () => {
    const folder = join(root, 'state-of-one')
    const taken = await takeStateFolder(folder)
    const holder = `${hostname()} ${process.pid}`
    expect((await outcomeOf(takeStateFolder(folder))).replaceAll(root, 'DIR')).toEqual(
      `exit 3: another gate uses the state folder DIR/state-of-one: ${holder} (protections need one gate for one state folder; if that gate is gone, remove DIR/state-of-one/gate.lock)`,
    )
    await taken.release()
    await (await takeStateFolder(folder)).release()
  })

  it('is taken from a gate of this machine that is gone, and not from one of another machine', async () => {
    const folder = join(root, 'state-of-none')
    await mkdir(folder)
    await writeFile(join(folder, 'gate.lock'), `${hostname()} 999999999`)
    await (await takeStateFolder(folder)).release()
    await writeFile(join(folder, 'gate.lock'), 'another-machine 1')
    expect(await outcomeOf(takeStateFolder(folder))).toContain('another gate uses the state folder')
  })

  it('that cannot be one is said to be so', async () => {
    await writeFile(join(root, 'state-file'), '')
    expect((await outcomeOf(takeStateFolder(join(root, 'state-file')))).replaceAll(root, 'DIR')).toEqual(
      "exit 3: the state folder DIR/state-file cannot be used: EEXIST: file already exists, mkdir 'DIR/state-file'",
    )
  })
})
