/**
 * Workers KV through `wrangler kv`, with the account that wrangler is logged in to. Values travel in files, never on the
 * command line. Each call starts a process and takes seconds, so there are few: what was read is read once, and writing
 * forgets it.
 *
 * Source: Cloudflare "wrangler kv" commands; "Workers KV limits" (10,000 keys and 100 MB for each bulk call; 100 keys for
 * each bulk read).
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { isRecord } from '../../base/json.ts'
import { CommandError } from '../terminal/command-error.ts'
import { showing } from '../terminal/progress.ts'
import type { BulkKv } from './kv.ts'
import { runWrangler } from './wrangler.ts'

/** Of one bulk read. */
const BULK_READ_KEYS = 100

/** The namespace that wrangler writes to: by its id, or by a binding of a configuration file. */
export type WranglerTarget = { readonly namespaceId?: string; readonly binding: string; readonly config?: string }

/** The store that a KV namespace at Cloudflare is, through wrangler. Its methods throw {@link CommandError} 3. */
export function wranglerKv({ namespaceId, binding, config }: WranglerTarget): BulkKv {
  const place =
    namespaceId === undefined ? `Cloudflare KV (binding ${binding})` : `Cloudflare KV (namespace ${namespaceId})`
  const flags = [
    '--remote',
    '--preview',
    'false',
    ...(namespaceId === undefined ? ['--binding', binding] : ['--namespace-id', namespaceId]),
    ...(config === undefined ? [] : ['--config', resolve(config)]),
  ]
  /** What wrangler prints; undefined if it fails in a way that `isAbsent` knows. */
  const run = (doing: string, args: readonly string[], isAbsent?: RegExp): Promise<string | undefined> =>
    showing(doing, async () => {
      const { status, stdout, stderr } = await runWrangler(['kv', ...args, ...flags])
      if (status === 0) return stdout
      if (isAbsent?.test(stderr) === true) return undefined
      throw failure(doing, stderr, stdout)
    })
  const known = new Map<string, Promise<string | undefined>>()
  const write = (doing: string, args: (file: string) => readonly string[], content: string) => {
    known.clear()
    return withFile(content, async (file) => void (await run(doing, args(file))))
  }
  const read = async (key: string) => {
    const text = await run(`reading ${key} from ${place}`, ['key', 'get', key, '--text'], / - 404: /)
    return text?.replace(/\n$/, '')
  }
  return {
    place,
    get(key) {
      const value = known.get(key) ?? read(key)
      known.set(key, value)
      return value
    },
    async getAll(keys) {
      const values = new Map<string, string>()
      for (let start = 0; start < keys.length; start += BULK_READ_KEYS) {
        const batch = keys.slice(start, start + BULK_READ_KEYS)
        const doing = `reading ${start + batch.length} of ${keys.length} values from ${place}`
        await withFile(JSON.stringify(batch), async (file) => {
          const json = (await run(doing, ['bulk', 'get', file])) ?? ''
          for (const [key, value] of valuesIn(json)) values.set(key, value)
        })
      }
      return values
    },
    list: async (prefix) =>
      namesIn((await run(`listing the keys of ${place}`, ['key', 'list', '--prefix', prefix])) ?? ''),
    async putAll(pairs) {
      if (pairs.length === 0) return
      await write(`writing ${pairs.length} values to ${place}`, (file) => ['bulk', 'put', file], JSON.stringify(pairs))
    },
    put: (key, value) => write(`writing ${key} to ${place}`, (file) => ['key', 'put', key, '--path', file], value),
    async deleteAll(keys) {
      if (keys.length === 0) return
      const doing = `deleting ${keys.length} values from ${place}`
      await write(doing, (file) => ['bulk', 'delete', file, '--force'], JSON.stringify(keys))
    },
  }
}

/** Run `use` with a file of that content in a folder of its own, which only this user may read. */
async function withFile(content: string, use: (file: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'dockgate-'))
  try {
    const file = join(folder, 'values')
    await writeFile(file, content, { mode: 0o600 })
    await use(file)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function namesIn(json: string): readonly string[] {
  const value = parse(json)
  if (!Array.isArray(value)) throw unexpectedOutput('a list of keys')
  return value.flatMap((item: unknown) => (isRecord(item) && typeof item.name === 'string' ? [item.name] : []))
}

/** Key and value of those that are there. */
const valuesIn = (json: string): readonly (readonly [string, string])[] =>
  Object.entries(parse(json) ?? {}).flatMap(([key, value]: [string, unknown]) =>
    typeof value === 'string' ? [[key, value] as const] : [],
  )

function parse(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    throw unexpectedOutput('JSON')
  }
}

const unexpectedOutput = (expected: string): CommandError =>
  new CommandError(3, `wrangler answered with something else than ${expected}`, {
    hint: 'run `npm ci` again: it installs the version of wrangler that this one knows',
  })

function failure(doing: string, stderr: string, stdout: string): CommandError {
  const text = stripVTControlCharacters(stderr.trim() || stdout.trim())
  const said = text.split('\n').filter((line) => !/^\s*$|Logs were written/.test(line))
  return new CommandError(3, `wrangler failed while ${doing}`, {
    details: said.map((line) => line.trim()),
    hint: 'log in with `npx wrangler login` or set CLOUDFLARE_API_TOKEN; the KV namespace is that of wrangler.toml, or --namespace-id',
  })
}
