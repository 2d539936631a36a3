/** What a Cloudflare account holds of a gate, and how it gets what it lacks: all of it by wrangler. */
import { stripVTControlCharacters } from 'node:util'
import { runWrangler, type WranglerOutcome } from '../../bundles/wrangler.ts'
import { CommandError } from '../../terminal/command-error.ts'

/** What deploying asks of a Cloudflare account. */
export type Account = {
  /** Id of the namespace with that title, where there is one. */
  readonly namespaceId?: string
  /** Names of the Worker's secrets; none without a Worker. */
  readonly secrets: ReadonlySet<string>
}

/** wrangler's words and the API's code for a Worker that does not exist. */
const NO_WORKER = /Worker "[^"]*" not found|\[code: 10007\]/

/**
 * Reads what is there.
 *
 * @param title of the KV namespace
 * @throws {@link CommandError} 3 when wrangler cannot read it
 */
export async function readAccount(config: string, title: string): Promise<Account> {
  const [namespaceId, secrets] = await Promise.all([
    findNamespace(title),
    runWrangler(['secret', 'list', '--format', 'json', '--config', config]),
  ])
  if (secrets.status !== 0 && !NO_WORKER.test(secrets.stderr))
    throw failure('listing the secrets of the Worker', secrets)
  const names = secrets.status === 0 ? stringsIn(secrets.stdout, 'name') : []
  return { secrets: new Set(names), ...(namespaceId === undefined ? {} : { namespaceId }) }
}

async function findNamespace(title: string): Promise<string | undefined> {
  const listed = await runWrangler(['kv', 'namespace', 'list'])
  if (listed.status !== 0) throw failure('listing the KV namespaces', listed)
  const namespaces = recordsIn(listed.stdout)
  const id = namespaces.find((namespace) => namespace.title === title)?.id
  return typeof id === 'string' ? id : undefined
}

/** @returns its id. @throws {@link CommandError} 3 when wrangler fails */
export async function createNamespace(title: string): Promise<string> {
  const created = await runWrangler(['kv', 'namespace', 'create', title])
  if (created.status !== 0) throw failure(`making the KV namespace ${title}`, created)
  // What it prints is for people; the list is for programs.
  const id =
    /"?id"?\s*[=:]\s*"([0-9a-f]{32})"/.exec(stripVTControlCharacters(created.stdout))?.[1] ??
    (await findNamespace(title))
  if (id !== undefined) return id
  throw new CommandError(3, `the KV namespace ${title} was made and is not listed yet`, { hint: AGAIN })
}

/** Uploads the Worker and binds its domain. @throws {@link CommandError} 3 when wrangler fails */
export async function deployWorker(config: string): Promise<void> {
  const deployed = await runWrangler(['deploy', '--config', config])
  if (deployed.status !== 0) throw failure('deploying the Worker', deployed)
}

/** Puts secrets, by standard input. @throws {@link CommandError} 3 when wrangler fails */
export async function putSecrets(config: string, secrets: ReadonlyMap<string, string>): Promise<void> {
  const input = JSON.stringify(Object.fromEntries(secrets))
  const put = await runWrangler(['secret', 'bulk', '--config', config], { input })
  if (put.status !== 0) throw failure(`putting ${[...secrets.keys()].join(', ')}`, put, [...secrets.values()])
}

const AGAIN = 'run `dockgate deploy` again: it goes on where it stopped'

/** @param secrets never shown, whatever wrangler prints */
function failure(doing: string, { stdout, stderr }: WranglerOutcome, secrets: readonly string[] = []): CommandError {
  const said = stripVTControlCharacters(stderr.trim() || stdout.trim())
  const shown = secrets.reduce((text, secret) => text.replaceAll(secret, '…'), said)
  const lines = shown.split('\n').filter((line) => !/^\s*$|Logs were written/.test(line))
  const indented = lines.map((line) => `    ${line.trim()}`).join('\n')
  return new CommandError(3, `wrangler failed while ${doing}:\n${indented}`, {
    hint: 'log in with `npx wrangler login`, or set CLOUDFLARE_API_TOKEN and CLOUDFLARE_ACCOUNT_ID; then run `dockgate deploy` again: it goes on where it stopped',
  })
}

function recordsIn(json: string): readonly Readonly<Record<string, unknown>>[] {
  try {
    const value: unknown = JSON.parse(json)
    if (Array.isArray(value)) return value.filter((item) => typeof item === 'object' && item !== null)
  } catch {
    // Told below.
  }
  throw new CommandError(3, 'wrangler answered with something else than a list', {
    hint: 'install the version of wrangler that the package.json of dockgate names',
  })
}

const stringsIn = (json: string, key: string): readonly string[] =>
  recordsIn(json).flatMap((record) => (typeof record[key] === 'string' ? [record[key]] : []))
