/** The options by which commands name the store that they mean. No default exists: local and remote are not alike. */
import type { Command } from 'commander'
import { type ArtifactPlace, parseArtifactPlace } from '../../bundle/policy-artifact.ts'
import { CommandError } from '../terminal/command-error.ts'
import { calledWith, type Words } from '../terminal/command-line.ts'
import { artifactKv } from './artifact-kv.ts'
import { directoryKv } from './directory-kv.ts'
import type { BulkKv, OpenKv } from './kv.ts'
import { openLocalKv } from './local-kv.ts'
import { wranglerKv } from './wrangler-kv.ts'

/** Folder of `dockgate dev` for local KV, keys and the development registry. */
export const DEFAULT_STATE = '.dockgate'
/** Store key of the pointer where no option names another. */
export const DEFAULT_POINTER = 'pointer'
const DEFAULT_BINDING = 'POLICY'

/** Options that name a store, as commander gives them. */
export type KvOptions = {
  readonly local?: true
  readonly remote?: true
  readonly state?: string
  readonly namespaceId?: string
  readonly binding: string
  readonly config?: string
  readonly pointer: string
  readonly store?: string
}

/** A store of bundles: KV of this machine, KV at Cloudflare, a folder, or an artifact in a registry. */
export type StoreTarget = 'local' | 'remote' | { readonly directory: string } | { readonly artifact: ArtifactPlace }

/**
 * Reads `kv`, `dir:PATH` or `oci://HOST/REPOSITORY[:TAG]`.
 *
 * @throws {@link CommandError} 2 for anything else
 */
export function parseStore(text: string): Exclude<StoreTarget, 'local'> {
  if (text === 'kv') return 'remote'
  if (text.startsWith('dir:') && text.length > 4) return { directory: text.slice(4) }
  const artifact = parseArtifactPlace(text)
  if (artifact.ok) return { artifact: artifact.value }
  throw new CommandError(2, `'${text}' is not a store`, {
    hint: 'write kv, dir:PATH or oci://HOST/REPOSITORY:TAG',
  })
}

/** Adds the options that name a store to a command. */
export const addKvOptions = (command: Command): Command =>
  command
    .option('--local', 'the local KV of `dockgate dev`')
    .option('--remote', 'Workers KV of the Cloudflare account that wrangler is logged in to')
    .option('--store <store>', 'kv (as --remote), dir:PATH, or oci://HOST/REPOSITORY[:TAG]')
    .option('--state <dir>', `folder of the local KV (default: ${DEFAULT_STATE})`)
    .option('--namespace-id <id>', 'KV namespace, instead of the binding in wrangler.toml')
    .option('--binding <name>', 'name of the binding in wrangler.toml', DEFAULT_BINDING)
    .option('--config <file>', "wrangler's configuration file")
    .option('--pointer <key>', 'key of the pointer', DEFAULT_POINTER)

/** The options that name the same store, for commands to paste. */
export const sameStore = ({
  local,
  remote,
  store,
  state,
  namespaceId,
  binding,
  config,
  pointer,
}: KvOptions): Words => ({
  local,
  remote,
  store,
  state,
  'namespace-id': namespaceId,
  binding: binding === DEFAULT_BINDING ? undefined : binding,
  config,
  pointer: pointer === DEFAULT_POINTER ? undefined : pointer,
})

/**
 * The store that the options name.
 *
 * @param command as it was called, for the hint
 * @throws {@link CommandError} 2 when they name none, or two
 */
export function needTarget({ local, remote, store, state }: KvOptions, command: Command): StoreTarget {
  const isLocal = local === true
  if (store !== undefined) {
    if (!isLocal && remote !== true) return parseStore(store)
    throw new CommandError(2, '--store does not go with --local and --remote', { hint: 'keep one of them' })
  }
  if (isLocal !== (remote === true)) {
    if (isLocal || state === undefined) return isLocal ? 'local' : 'remote'
    throw new CommandError(2, '--state does not go with --remote', { hint: 'it is the folder of the local KV' })
  }
  const hints = [
    `\`${calledWith(command, { remote: true, local: undefined, state: undefined })}\` for the gate on Cloudflare`,
    `\`${calledWith(command, { local: true, remote: undefined })}\` for that of \`dockgate dev\``,
  ]
  throw new CommandError(2, isLocal ? 'two targets are named' : 'no target is named', { hint: hints.join(', ') })
}

/** @throws {@link CommandError} 3 when the store cannot be opened */
async function openKv(target: StoreTarget, options: KvOptions): Promise<OpenKv> {
  const { state = DEFAULT_STATE, namespaceId, binding, config } = options
  if (target === 'local') return openLocalKv(state, namespaceId)
  if (target !== 'remote')
    return 'artifact' in target ? artifactKv(target.artifact) : { ...directoryKv(target.directory), close }
  const optional = {
    ...(namespaceId === undefined ? {} : { namespaceId }),
    ...(config === undefined ? {} : { config }),
  }
  return { ...wranglerKv({ binding, ...optional }), close }
}

const close = async (): Promise<void> => {}

/** Use the store that the options name, and close it. */
export async function withKv<T>(target: StoreTarget, options: KvOptions, use: (kv: BulkKv) => Promise<T>): Promise<T> {
  const kv = await openKv(target, options)
  try {
    return await use(kv)
  } finally {
    await kv.close()
  }
}
