/** `dockgate serve`: the gate on a machine of one's own, on plain workerd. */
import { mkdir, readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { Command } from 'commander'
import { DEFAULT_STATE, parseStore } from '../../bundles/kv-options.ts'
import { KEY_FILES, readText } from '../../keys/key-files.ts'
import { originOf } from '../../probing/run.ts'
import { workerVariables } from '../../project/worker-variables.ts'
import { CommandError } from '../../terminal/command-error.ts'
import * as output from '../../terminal/output.ts'
import { workerdProgram } from '../../terminal/peers.ts'
import { type ServeSettings, workerdConfiguration } from './configuration.ts'
import { takeStateFolder } from './state-folder.ts'
import { runUntil, startWorkerd } from './workerd.ts'

type Options = {
  readonly upstream?: string
  readonly store: string
  readonly listen: string
  readonly admin?: string
  readonly tlsCert?: string
  readonly tlsKey?: string
  readonly clientIpHeader?: string
  readonly publicKeys?: string
  readonly tokenKey?: string
  readonly state?: string
  readonly printConfig?: true
}

/** Set by `dev/build/compile.ts`. */
declare const DOCKGATE_COMPILED: true | undefined

const DEFAULT_LISTEN = '127.0.0.1:8787'
/** workerd waits for ever; a registry that is silent for so long is given up. */
const UPSTREAM_TIMEOUT_SECONDS = '60'
/** Characters of a header name (RFC 9110, "Field Names"). */
const HEADER_NAME = /^[a-z0-9!#$%&'*+.^_`|~-]+$/

const EXAMPLES = `
Examples:
  dockgate keys generate --out keys
  dockgate push --store dir:policy-store --key keys/policy-signing-key.json
  dockgate serve --upstream http://127.0.0.1:5000 --store dir:policy-store \\
    --public-keys keys/policy-public-keys.json --token-key keys/token-signing-key.json

Prints "ready http://127.0.0.1:PORT" on standard output when it serves, and then one line of JSON for each request.
Variables and secrets of the Worker (UPSTREAM_USERNAME, UPSTREAM_PASSWORD, …) are taken from the environment. Ends on
SIGTERM and Ctrl-C, after the requests under way, which may take 30 s.

Protections need --state, a folder that this gate alone uses.`

/** The command `dockgate serve` with its arguments, options and action. */
export const serveCommand = (): Command =>
  new Command('serve')
    .description('run the gate on this machine, for production')
    .option('--upstream <url>', 'the registry behind the gate (default: UPSTREAM)')
    .requiredOption('--store <store>', 'where the policy is: dir:PATH or oci://HOST/REPOSITORY[:TAG]')
    .option('--listen <host:port>', 'address for clients; port 0 takes a free one', DEFAULT_LISTEN)
    .option('--admin <host:port>', 'address for /livez, /readyz and /metrics')
    .option('--tls-cert <file>', 'certificate chain, as PEM')
    .option('--tls-key <file>', 'private key of the certificate, as PEM')
    .option('--client-ip-header <name>', "header in which a trusted proxy gives the client's address")
    .option('--public-keys <file>', 'JWKS that verifies bundles (default: POLICY_PUBLIC_KEYS)')
    .option('--token-key <file>', 'private key that signs access tokens (default: TOKEN_SIGNING_KEY)')
    .option('--state <dir>', 'folder for the state of protections')
    .option('--print-config', "print workerd's configuration, and do not run it")
    .addHelpText('after', EXAMPLES)
    .action(run)

async function run(options: Options): Promise<void> {
  const { settings, secrets } = await settingsOf(options)
  if (options.printConfig === true) {
    const stateDirectory = options.state === undefined ? {} : { stateDirectory: resolve(options.state) }
    output.file(workerdConfiguration({ ...settings, ...stateDirectory }))
    return
  }
  const program = workerdProgram()
  // workerd does not start over a folder that does not exist, and a gate without a policy yet has to serve.
  if (settings.policyDirectory !== undefined) await makeFolder(settings.policyDirectory)
  const state = options.state === undefined ? undefined : await takeStateFolder(options.state)
  try {
    const configuration = workerdConfiguration({
      ...settings,
      ...(state === undefined ? {} : { stateDirectory: state.path }),
    })
    const environment = { ...definedIn(process.env), ...secrets }
    let isReady = () => {}
    const ready = new Promise<void>((settle) => {
      isReady = settle
    })
    const workerd = await startWorkerd({
      program,
      sockets: settings.admin === undefined ? ['gate'] : ['gate', 'admin'],
      configuration,
      environment,
      // The address comes first.
      onRecord: (line) => ready.then(() => output.record(line)),
      onLine: (line) => output.note(line),
    })
    const isTls = settings.tls !== undefined
    output.out(`ready ${isTls ? 'https' : 'http'}://${withPort(settings.listen, workerd.ports.get('gate'))}`)
    if (settings.admin !== undefined) {
      output.note(`health and metrics at http://${withPort(settings.admin, workerd.ports.get('admin'))}`)
    }
    isReady()
    await runUntil(untilStopped(), workerd)
  } finally {
    await state?.release()
  }
}

async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true })
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new CommandError(3, `the store in ${path} cannot be used: ${why}`, { cause })
  }
}

/** What the options, the environment and the named files say; secrets apart, for the environment of workerd. */
async function settingsOf(options: Options): Promise<{
  readonly settings: ServeSettings
  readonly secrets: Readonly<Record<string, string>>
}> {
  const { upstream, listen, admin, clientIpHeader } = options
  const store = parseStore(options.store)
  if (store === 'remote') {
    throw new CommandError(2, 'serve cannot read Workers KV', {
      hint: 'name a store of dir:PATH or oci://HOST/REPOSITORY',
    })
  }
  const header = clientIpHeader?.toLowerCase()
  if (header !== undefined && !HEADER_NAME.test(header)) {
    throw new CommandError(2, `'${clientIpHeader}' is not the name of a header`, {
      hint: 'e.g. --client-ip-header X-Forwarded-For',
    })
  }
  // The URL is printed with the configuration, so that it must hold no credential.
  if (upstream !== undefined) originOf(upstream, '--upstream')
  const { UPSTREAM = '', UPSTREAMS = '' } = process.env
  if (upstream === undefined && UPSTREAM === '' && UPSTREAMS === '') {
    throw new CommandError(2, 'no registry is named', { hint: 'give --upstream URL, or set UPSTREAM or UPSTREAMS' })
  }
  const publicKeys = await keyOf('publicKeys', options.publicKeys, 'POLICY_PUBLIC_KEYS')
  const tokenKey = await keyOf('tokenKey', options.tokenKey, 'TOKEN_SIGNING_KEY')
  const texts = {
    UPSTREAM_TIMEOUT_SECONDS,
    ...(upstream === undefined ? {} : { UPSTREAM: upstream }),
    ...('artifact' in store ? { POLICY_STORE: options.store } : {}),
    CLIENT_IP_HEADER: header ?? 'none',
  }
  const variables = workerVariables(process.env).filter(
    (name) => name !== 'UPSTREAM_TIMEOUT_SECONDS' && !(name in texts),
  )
  const { UPSTREAM_TIMEOUT_SECONDS: timeout = '' } = process.env
  const tls = tlsOf(options)
  return {
    settings: {
      worker: await workerText(),
      listen: addressOf('--listen', listen),
      ...(admin === undefined ? {} : { admin: addressOf('--admin', admin) }),
      ...(tls === undefined ? {} : { tls }),
      ...('directory' in store ? { policyDirectory: resolve(store.directory) } : {}),
      texts: timeout === '' ? texts : { ...texts, UPSTREAM_TIMEOUT_SECONDS: timeout },
      variables: [...variables, 'POLICY_PUBLIC_KEYS', 'TOKEN_SIGNING_KEY'],
    },
    secrets: { POLICY_PUBLIC_KEYS: publicKeys, TOKEN_SIGNING_KEY: tokenKey },
  }
}

const KEYS = {
  publicKeys: {
    option: '--public-keys',
    file: KEY_FILES.policyPublicKeys,
    what: 'the keys that verify the policy are',
  },
  tokenKey: { option: '--token-key', file: KEY_FILES.tokenSigningKey, what: 'the key that signs access tokens is' },
} as const

/** A key: from the named file, else the variable, else the folder of local state, which `push` signs with as well. */
async function keyOf(key: keyof typeof KEYS, file: string | undefined, variable: string): Promise<string> {
  const { option, file: name, what } = KEYS[key]
  if (file !== undefined) return readNeeded(file)
  const value = process.env[variable]
  if (value !== undefined && value !== '') return value
  const local = await readText(resolve(DEFAULT_STATE, 'keys', name))
  if (local !== undefined) return local.trim()
  throw new CommandError(2, `${what} missing`, {
    hint: `make keys with \`dockgate keys generate --out keys\`, and give ${option} keys/${name} or ${variable}`,
  })
}

async function readNeeded(file: string): Promise<string> {
  const text = await readText(file)
  if (text !== undefined) return text.trim()
  throw new CommandError(2, `the file ${file} does not exist`)
}

function tlsOf({ tlsCert, tlsKey }: Options): ServeSettings['tls'] {
  if (tlsCert === undefined && tlsKey === undefined) return undefined
  if (tlsCert !== undefined && tlsKey !== undefined) return { certificate: resolve(tlsCert), key: resolve(tlsKey) }
  throw new CommandError(2, '--tls-cert and --tls-key go together', { hint: 'give both' })
}

const ADDRESS = /^(?:\[[0-9a-f:.]+\]|[A-Za-z0-9._-]+|\*):(\d{1,5})$/i

function addressOf(option: string, text: string): string {
  const port = Number(ADDRESS.exec(text)?.[1] ?? Number.NaN)
  if (port <= 65_535) return text
  throw new CommandError(2, `${option} is not an address: '${text}'`, { hint: `e.g. ${option} 0.0.0.0:8787` })
}

const withPort = (address: string, port: number | undefined): string =>
  port === undefined ? address : address.replace(/\d+$/, String(port))

async function workerText(): Promise<string> {
  if (typeof DOCKGATE_COMPILED === 'undefined') {
    const { buildWorker } = await import('../../../../dev/build/worker.ts')
    return (await buildWorker()).text
  }
  return readFile(new URL('../worker.js', import.meta.url), 'utf8')
}

const definedIn = (environment: NodeJS.ProcessEnv): Record<string, string> =>
  Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  )

const untilStopped = (): Promise<void> =>
  new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
  })
