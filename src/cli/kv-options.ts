/** The options by which commands name the KV namespace that they mean. */
import type { Command } from 'commander'
import { CommandError } from './command-error.ts'
import type { BulkKv } from './kv.ts'
import { wranglerKv } from './wrangler-kv.ts'

export const DEFAULT_STATE = '.dockgate'
export const DEFAULT_POINTER = 'pointer'

export type KvOptions = {
  readonly local?: true
  readonly remote?: true
  readonly state?: string
  readonly namespaceId?: string
  readonly binding: string
  readonly config?: string
  readonly pointer: string
}

export const addKvOptions = (command: Command): Command =>
  command
    .option('--local', 'the local KV of `dockgate dev` (default)')
    .option('--remote', 'Workers KV of the Cloudflare account that wrangler is logged in to')
    .option('--state <dir>', `folder of the local KV (default: ${DEFAULT_STATE})`)
    .option('--namespace-id <id>', 'KV namespace, instead of the binding in wrangler.toml')
    .option('--binding <name>', 'name of the binding in wrangler.toml', 'POLICY')
    .option('--config <file>', "wrangler's configuration file")
    .option('--pointer <key>', 'key of the pointer', DEFAULT_POINTER)

/** @throws {@link CommandError} 2 when the options contradict each other */
export function kvOf({ local, remote, state, namespaceId, binding, config }: KvOptions): BulkKv {
  const id = namespaceId === undefined ? {} : { namespaceId }
  if (remote !== true) return wranglerKv({ kind: 'local', stateDirectory: state ?? DEFAULT_STATE, ...id })
  if (local === true || state !== undefined) {
    throw new CommandError(2, '--remote does not go with --local or --state', { hint: 'name one place' })
  }
  return wranglerKv({ kind: 'remote', binding, ...id, ...(config === undefined ? {} : { config }) })
}
