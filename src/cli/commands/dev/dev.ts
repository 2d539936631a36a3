/**
 * `dockgate dev`: the gate on this machine, in one workerd process, with its policies pushed to local KV and pushed again
 * whenever a file changes. Without an upstream it runs in front of a development registry of its own.
 */
import { join } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'

import { startRegistry } from '../../../../dev/registry/server.ts'
import { parseSigningKey, type SigningKey } from '../../../bundle/keys.ts'
import { loadPolicies } from '../../../files/load.ts'
import { tellFailures } from '../../answers/failing-tests.ts'
import { DEFAULT_DIRECTORY, formatProblem, Policies, readPolicies } from '../../answers/policies.ts'
import { readBundle, UntrustedBundle } from '../../bundles/bundle-history.ts'
import { namespaceKv } from '../../bundles/kv.ts'
import { DEFAULT_POINTER, DEFAULT_STATE } from '../../bundles/kv-options.ts'
import { labelOf, named } from '../../bundles/label.ts'
import { publish } from '../../bundles/publish.ts'
import { developmentKeys } from '../../keys/key-files.ts'
import { workerVariables } from '../../project/worker-variables.ts'
import { CommandError } from '../../terminal/command-error.ts'
import * as output from '../../terminal/output.ts'
import { logLine } from './decision-line.ts'
import { openRecordLog } from './record-log.ts'
import { passwordFileIn, withDevelopmentSecrets } from './secrets.ts'
import { seedRegistry } from './seed.ts'
import { watch } from './watch.ts'
import { welcome } from './welcome.ts'
import type { Gate } from './worker.ts'

type Options = {
  readonly policies: string
  readonly upstream?: string
  readonly port: number
  readonly state: string
  readonly log?: string
}

const DEFAULT_PORT = 8787
const HOST = '127.0.0.1'

const LOCAL = {
  // A change is looked for as often as the Worker allows: a person is waiting.
  POLICY_REFRESH_SECONDS: '1',
  POLICY_MAX_AGE_SECONDS: '1',
  // Cloudflare gives up a registry that is silent for 120 s; workerd alone never does.
  UPSTREAM_TIMEOUT_SECONDS: '60',
}

const EXAMPLES = `
Examples:
  dockgate dev
  dockgate dev --policies deploy/policies --port 5000
  dockgate dev --log requests.ndjson
  UPSTREAM_USERNAME=gate UPSTREAM_PASSWORD=… dockgate dev --upstream https://registry.internal.example

Prints "ready http://127.0.0.1:PORT" on standard output when it serves. Variables of the Worker (UPSTREAM_USERNAME,
MAX_UPLOAD_BYTES, …) are taken from the environment. Changes of the policies are in force within a second or
two, unless they are not valid; decision tests that fail are shown, and hold nothing back. Ends on Ctrl-C.

Each request is one line on standard error: allow, deny, login (the gate asks for a credential, as with every client) or
fail (the registry or the gate could not answer). \`dockgate explain --record FILE --id ID\` explains one that --log kept.`

/** The command `dockgate dev` with its arguments, options and action. */
export const devCommand = (): Command =>
  new Command('dev')
    .description('run the gate here, in front of a registry or of a small one of its own')
    .option('--policies <dir>', 'policy folder, watched for changes', DEFAULT_DIRECTORY)
    .option('--upstream <url>', 'the registry behind the gate (default: a development registry)')
    .option('--port <n>', 'port on 127.0.0.1; 0 takes a free one', readPort, DEFAULT_PORT)
    .option('--state <dir>', 'folder for local KV, keys, passwords and the development registry', DEFAULT_STATE)
    .option('--log <file>', 'append the audit record of each request, as one line of JSON')
    .addHelpText('after', EXAMPLES)
    .action(run)

function readPort(text: string): number {
  const port = Number(text)
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port
  throw new InvalidArgumentError('a port is a whole number from 0 to 65535.')
}

async function run({ policies: directory, upstream, port, state, log }: Options): Promise<void> {
  if (upstream !== undefined && !/^https?:\/\//.test(upstream)) {
    throw new CommandError(2, `${upstream} is not a URL`, { hint: 'write it as https://registry.example.com' })
  }
  output.note(`Reading the policies in ${directory} …`)
  const { set, tests } = await readPolicies(directory)
  output.note('Starting the gate …')
  // It takes a second to load.
  const { startGate } = await import('./worker.ts')
  // Whatever was started is ended again, last first, also when a later step fails: nothing keeps the process alive then.
  const started: (() => void | Promise<void>)[] = []
  try {
    const records = log === undefined ? undefined : openRecordLog(log)
    if (records !== undefined) started.push(records.close)
    const registry =
      upstream === undefined
        ? await startRegistry({ directory: join(state, 'registry'), onFault: tellFault })
        : undefined
    if (registry !== undefined) {
      started.push(() => registry.close())
      await seedRegistry(registry.url)
    }
    const keys = await developmentKeys(state)
    const signingKey = await parseSigningKey(keys.policySigningKey)
    const first = await withDevelopmentSecrets(set, state)
    let policies = new Policies(directory, first.policies, tests)
    const gate = await startGate({
      host: HOST,
      port,
      stateDirectory: state,
      bindings: {
        ...LOCAL,
        ...environment(),
        UPSTREAM: upstream ?? registry?.url ?? '',
        POLICY_PUBLIC_KEYS: keys.policyPublicKeys,
        TOKEN_SIGNING_KEY: keys.tokenSigningKey,
      },
      onLog: (line) => {
        records?.add(line)
        output.note(logLine(line, policies))
      },
    })
    started.push(() => gate.close())
    await publishLocal(gate, signingKey, policies, state)
    await untilReady(gate)
    const watcher = watch(
      directory,
      serialize(async () => {
        policies = (await reload(directory, state, gate, signingKey)) ?? policies
      }),
    )
    started.push(() => watcher.close())
    const { passwords } = first
    const now = Math.floor(Date.now() / 1000)
    const behind = registry === undefined ? {} : { registry: registry.url }
    output.out(`ready ${gate.url}`)
    const text = welcome({ url: gate.url, policies, passwords, passwordFile: passwordFileIn(state), now, ...behind })
    if (text !== '') output.note(['', ...text.split('\n'), ''])
    warnOfFailures(policies)
    await untilStopped()
  } finally {
    for (const end of started.reverse()) await end()
  }
}

/** Reports a fault of the development registry on the terminal. */
export const tellFault = (cause: unknown): void =>
  output.error(`the development registry failed: ${cause instanceof Error ? cause.message : String(cause)}`)

/** What the environment says of the Worker's variables and secrets. The registry is an option of the command. */
const environment = (): Readonly<Record<string, string>> =>
  Object.fromEntries(
    workerVariables(process.env).flatMap((name) => (name === 'UPSTREAM' ? [] : [[name, process.env[name] ?? '']])),
  )

/** @returns the serial and label of the new bundle, for people */
async function publishLocal(
  gate: Pick<Gate, 'kv'>,
  key: SigningKey,
  { compiled: policy, directory }: Policies,
  state: string,
): Promise<string> {
  const kv = namespaceKv(gate.kv, `local KV in ${state}`)
  const label = await labelOf({}, directory)
  // The folder is the truth here: there is nobody to ask whether a large change was meant.
  const { serial } = await publish({
    policy,
    kv,
    key,
    now: Math.floor(Date.now() / 1000),
    force: true,
    ...(label === undefined ? {} : { label }),
  })
  return named(serial, label)
}

/** Pushes what a folder holds now, and returns it. Policies that are not valid are reported, and change nothing. */
export async function reload(
  directory: string,
  state: string,
  gate: Pick<Gate, 'kv'>,
  key: SigningKey,
): Promise<Policies | undefined> {
  const { policies, tests, problems } = await loadPolicies(directory)
  if (policies === undefined) {
    output.note(problems.flatMap((problem) => formatProblem(directory, problem)))
    output.error(`the policies in ${directory} are not valid: the last good ones stay in force`)
    return undefined
  }
  const current = new Policies(directory, (await withDevelopmentSecrets(policies, state)).policies, tests)
  const { service } = current.compiled.common
  const inForce = await serviceInForce(gate, key)
  if (inForce !== undefined && inForce !== service) {
    output.error(
      `registry.service in ${directory} is now '${service}', and this gate is '${inForce}': stop dockgate dev and start it again`,
    )
    return undefined
  }
  output.note(`policy changed: bundle ${await publishLocal(gate, key, current, state)} is pushed`)
  warnOfFailures(current)
  return current
}

/** A gate takes no bundle of another service than that of the bundle in force. */
async function serviceInForce({ kv }: Pick<Gate, 'kv'>, key: SigningKey): Promise<string | undefined> {
  const stored = await readBundle(namespaceKv(kv, 'local KV'), DEFAULT_POINTER, key.accepted).catch(
    (error: unknown) => {
      if (error instanceof UntrustedBundle) return undefined
      throw error
    },
  )
  return stored?.manifest.common.service
}

/**
 * Failing decision tests hold nothing back here: this gate does what the folder says, so that what is tried out can be seen,
 * and a right that is taken away is gone at once.
 */
function warnOfFailures(policies: Policies): void {
  const failures = tellFailures(policies, Math.floor(Date.now() / 1000))
  if (failures !== undefined) output.warning(`${failures} failed: this gate enforces the policies all the same`)
}

/** One run at a time; what comes meanwhile is done once, afterwards. A failure is reported, and the next change tries again. */
function serialize(task: () => Promise<void>): () => void {
  let running = false
  let again = false
  const run = async (): Promise<void> => {
    running = true
    do {
      again = false
      await task().catch((cause: unknown) => output.error(cause instanceof Error ? cause.message : String(cause)))
    } while (again)
    running = false
  }
  return () => {
    if (running) again = true
    else void run()
  }
}

const READY_ATTEMPTS = 50
const READY_PAUSE_MS = 100

/** @throws {@link CommandError} 3 when the gate goes on saying that it cannot decide */
export async function untilReady({ url }: Pick<Gate, 'url'>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const answer = await fetch(`${url}/readyz`)
    const text = await answer.text()
    if (answer.ok) return
    if (attempt === READY_ATTEMPTS) throw new CommandError(3, `the gate does not become ready: ${text}`)
    await new Promise((resolve) => setTimeout(resolve, READY_PAUSE_MS))
  }
}

const untilStopped = (): Promise<void> =>
  new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
  })
