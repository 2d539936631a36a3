/**
 * Workers KV through `wrangler kv`: with the account that wrangler is logged in to, or the local simulator's files. Values
 * travel in files, never on the command line.
 *
 * Source: Cloudflare "wrangler kv" commands; "Workers KV limits" (10,000 keys and 100 MB for each bulk call; 100 keys for
 * each bulk read).
 */
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { CommandError } from './command-error.ts'
import type { BulkKv } from './kv.ts'

/** Id of the namespace in local state, where `dockgate dev` has it. */
export const LOCAL_NAMESPACE_ID = 'policy'

/** Of one bulk read. */
const BULK_READ_KEYS = 100

export type WranglerTarget =
  | { readonly kind: 'local'; readonly stateDirectory: string; readonly namespaceId?: string }
  | { readonly kind: 'remote'; readonly namespaceId?: string; readonly binding: string; readonly config?: string }

export function wranglerKv(target: WranglerTarget): BulkKv {
  const where = locationOf(target)
  const run = (args: readonly string[]) => runWrangler([...args, ...where.flags], where.directory)
  return {
    place: where.place,
    async get(key) {
      const { status, stdout, stderr } = await run(['key', 'get', key, '--text'])
      // wrangler tells an absent key locally by this text, remotely by the API's status.
      if (status === 0) return stdout.trimEnd() === 'Value not found' ? undefined : stdout.replace(/\n$/, '')
      if (/ - 404: /.test(stderr)) return undefined
      throw failure(`reading ${key} from ${where.place}`, stderr, stdout)
    },
    async getAll(keys) {
      const values = new Map<string, string>()
      for (let start = 0; start < keys.length; start += BULK_READ_KEYS) {
        const batch = keys.slice(start, start + BULK_READ_KEYS)
        await withFile(JSON.stringify(batch), async (file) => {
          const { status, stdout, stderr } = await run(['bulk', 'get', file])
          if (status !== 0) throw failure(`reading ${batch.length} values from ${where.place}`, stderr, stdout)
          for (const [key, value] of valuesIn(stdout)) values.set(key, value)
        })
      }
      return values
    },
    async list(prefix) {
      const { status, stdout, stderr } = await run(['key', 'list', '--prefix', prefix])
      if (status !== 0) throw failure(`listing the keys of ${where.place}`, stderr, stdout)
      return namesIn(stdout)
    },
    async putAll(pairs) {
      if (pairs.length === 0) return
      await withFile(JSON.stringify(pairs), async (file) => {
        const { status, stdout, stderr } = await run(['bulk', 'put', file])
        if (status !== 0) throw failure(`writing ${pairs.length} values to ${where.place}`, stderr, stdout)
      })
    },
    async put(key, value) {
      await withFile(value, async (file) => {
        const { status, stdout, stderr } = await run(['key', 'put', key, '--path', file])
        if (status !== 0) throw failure(`writing ${key} to ${where.place}`, stderr, stdout)
      })
    },
    async deleteAll(keys) {
      if (keys.length === 0) return
      await withFile(JSON.stringify(keys), async (file) => {
        const { status, stdout, stderr } = await run(['bulk', 'delete', file, '--force'])
        if (status !== 0) throw failure(`deleting ${keys.length} values from ${where.place}`, stderr, stdout)
      })
    },
  }
}

type Location = { readonly place: string; readonly flags: readonly string[]; readonly directory: string }

function locationOf(target: WranglerTarget): Location {
  if (target.kind === 'local') {
    const state = resolve(target.stateDirectory)
    return {
      place: `local KV in ${target.stateDirectory}`,
      flags: ['--local', '--persist-to', state, '--namespace-id', target.namespaceId ?? LOCAL_NAMESPACE_ID],
      // No configuration of the folder that the command runs in has a say in local state.
      directory: tmpdir(),
    }
  }
  const { namespaceId, binding, config } = target
  const namespace = namespaceId === undefined ? ['--binding', binding] : ['--namespace-id', namespaceId]
  return {
    place:
      namespaceId === undefined ? `Cloudflare KV (binding ${binding})` : `Cloudflare KV (namespace ${namespaceId})`,
    flags: [
      '--remote',
      '--preview',
      'false',
      ...namespace,
      ...(config === undefined ? [] : ['--config', resolve(config)]),
    ],
    directory: process.cwd(),
  }
}

type Outcome = { readonly status: number; readonly stdout: string; readonly stderr: string }

const QUIET = {
  WRANGLER_SEND_METRICS: 'false',
  WRANGLER_SEND_ERROR_REPORTS: 'false',
  WRANGLER_HIDE_BANNER: 'true',
  WRANGLER_NO_SKILLS_UPDATE_PROMPTS: 'true',
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
}

async function runWrangler(args: readonly string[], directory: string): Promise<Outcome> {
  const bin = join(dirname(createRequire(import.meta.url).resolve('wrangler/package.json')), 'bin', 'wrangler.js')
  const { DOCKGATE_SIGNING_KEY: _, ...environment } = process.env
  const child = spawn(process.execPath, [bin, 'kv', ...args], {
    cwd: directory,
    env: { ...environment, ...QUIET },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const texts = Promise.all([textOf(child.stdout), textOf(child.stderr)])
  const status = await new Promise<number>((done, failed) => {
    child.once('error', failed)
    child.once('close', (code) => done(code ?? 1))
  }).catch((cause: unknown) => {
    throw new CommandError(3, 'wrangler could not be started', { hint: 'run `npm ci` again', cause })
  })
  const [stdout, stderr] = await texts
  return { status, stdout, stderr }
}

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  stream.setEncoding('utf8')
  let text = ''
  for await (const chunk of stream) text += String(chunk)
  return text
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
  if (!Array.isArray(value)) throw strange('a list of keys')
  return value.flatMap((item: unknown) =>
    typeof item === 'object' && item !== null && 'name' in item && typeof item.name === 'string' ? [item.name] : [],
  )
}

/** Key and value of those that are there. The local simulator puts each value into an object. */
function valuesIn(json: string): readonly (readonly [string, string])[] {
  return Object.entries(parse(json) ?? {}).flatMap(([key, found]: [string, unknown]) => {
    const value: unknown = typeof found === 'object' && found !== null && 'value' in found ? found.value : found
    return typeof value === 'string' ? [[key, value] as const] : []
  })
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    throw strange('JSON')
  }
}

const strange = (expected: string): CommandError =>
  new CommandError(3, `wrangler answered with something else than ${expected}`, {
    hint: 'run `npm ci` again: it installs the version of wrangler that this one knows',
  })

function failure(doing: string, stderr: string, stdout: string): CommandError {
  const text = stripVTControlCharacters(stderr.trim() || stdout.trim())
  const said = text.split('\n').filter((line) => !/^\s*$|Logs were written/.test(line))
  return new CommandError(3, `wrangler failed while ${doing}`, {
    details: said.map((line) => line.trim()),
    hint: 'for --remote, log in with `npx wrangler login` or set CLOUDFLARE_API_TOKEN; the KV namespace is that of wrangler.toml, or --namespace-id',
  })
}
