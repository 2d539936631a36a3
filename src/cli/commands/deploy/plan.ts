/** What `dockgate deploy` will do, worked out from what is there. Pure: reads nothing and changes nothing. */
import { CommandError } from '../../terminal/command-error.ts'
import type { Account } from './account.ts'
import type { Settings } from './settings.ts'

/** Where the signing keys are. */
export type LocalKeys = {
  readonly directory: string
  /** JWKS of the public keys, as text; absent: there are no keys in the folder. */
  readonly publicKeys?: string
}

/** What exists before a deployment. */
export type Situation = {
  readonly settings: Settings
  readonly keys: LocalKeys
  /** Absent: nothing is known of the account. */
  readonly account?: Account
  /** A bundle is in the namespace. */
  readonly hasBundle: boolean
  /** Secrets of the Worker that the environment gives, by name. */
  readonly given: readonly string[]
  readonly policies: string
  /** Origin of the gate, where it is known. */
  readonly url?: string
}

/** The steps of a deployment, in their order, and why each is done or left out. */
export type Plan = {
  readonly makeKeys: boolean
  readonly writeKeys: boolean
  readonly makeNamespace: boolean
  readonly writeNamespace: boolean
  /** Names of the secrets to put. */
  readonly secrets: readonly string[]
  readonly push: boolean
  /** One line for each step, as a person reads it. */
  readonly lines: readonly string[]
}

/** Name of the secret that signs access tokens. */
export const TOKEN_KEY = 'TOKEN_SIGNING_KEY'
/** What the gate logs in to the registry with. */
export const UPSTREAM_SECRETS = ['UPSTREAM_AUTHORIZATION', 'UPSTREAM_USERNAME', 'UPSTREAM_PASSWORD'] as const

/** Title of the KV namespace of a Worker. */
export const namespaceTitle = ({ name }: Pick<Settings, 'name'>): string => `${name}-policy`

/** @throws {@link CommandError} 1 when the keys of the folder and of the settings do not belong together */
export function planOf(situation: Situation): Plan {
  const { settings, keys, account, hasBundle, given, policies, url } = situation
  const trusted = settings.publicKeys
  const makeKeys = keys.publicKeys === undefined && trusted === undefined
  if (keys.publicKeys !== undefined && trusted !== undefined && !holds(trusted, keys.publicKeys)) {
    throw new CommandError(1, `wrangler.toml trusts other keys than those in ${keys.directory}`, {
      hint: 'put the right keys into that folder; to replace keys, see docs/operations.md',
    })
  }
  const writeKeys = trusted === undefined
  const makeNamespace = settings.namespaceId === undefined && account?.namespaceId === undefined
  const writeNamespace = settings.namespaceId === undefined
  const present = account?.secrets ?? new Set<string>()
  const secrets = [TOKEN_KEY, ...given].filter((name) => !present.has(name))
  if (secrets.includes(TOKEN_KEY) && !makeKeys && keys.publicKeys === undefined) {
    throw new CommandError(1, `the Worker has no ${TOKEN_KEY}, and ${keys.directory} holds no keys`, {
      hint: 'put the keys that wrangler.toml trusts into that folder, or name it with --keys',
    })
  }
  const hasCredential = UPSTREAM_SECRETS.some((name) => present.has(name) || given.includes(name))
  const written = [...(writeNamespace ? ['the id of the namespace'] : []), ...(writeKeys ? ['the public keys'] : [])]
  const title = namespaceTitle(settings)
  return {
    makeKeys,
    writeKeys,
    makeNamespace,
    writeNamespace,
    secrets,
    push: !hasBundle,
    lines: [
      `keys       ${makeKeys ? `make the signing keys in ${keys.directory}` : 'keep the signing keys'}`,
      `namespace  ${makeNamespace ? `make the KV namespace ${title}` : 'keep the KV namespace'}`,
      `settings   ${written.length === 0 ? 'keep wrangler.toml' : `write ${written.join(' and ')} into wrangler.toml`}`,
      `worker     deploy ${settings.name}`,
      `secrets    ${secrets.length === 0 ? 'keep the secrets' : `put ${secrets.join(', ')}`}`,
      ...(hasCredential
        ? []
        : ['           the gate has no account at the registry: set UPSTREAM_USERNAME and UPSTREAM_PASSWORD']),
      `policy     ${hasBundle ? 'keep the policy in force; `dockgate push --remote` changes it' : `push ${policies}`}`,
      `probe      ${url === undefined ? 'nothing: wrangler.toml has no PUBLIC_URL' : `ask ${url} for what it must refuse`}`,
    ],
  }
}

/** Are all keys of one JWKS in the other? */
function holds(trusted: string, ours: string): boolean {
  const known = new Set(publicPartsOf(trusted))
  const wanted = publicPartsOf(ours)
  return wanted.length > 0 && wanted.every((part) => known.has(part))
}

function publicPartsOf(jwks: string): readonly string[] {
  try {
    const { keys }: { keys?: unknown } = JSON.parse(jwks)
    if (!Array.isArray(keys)) return []
    return keys.map((key: { x?: unknown; y?: unknown }) => `${key.x} ${key.y ?? ''}`)
  } catch {
    return []
  }
}
