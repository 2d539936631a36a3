/**
 * The operator's settings, read from the variables once per isolate. They contain no key and no password: those are read
 * only where they are used.
 */
import type { Env } from './env.ts'
import { Fault } from './fault.ts'

/** Settings with their defaults applied. */
export type Settings = {
  /** Origin under which clients reach the gate, without a trailing slash; absent: the origin of each request. */
  readonly publicUrl?: string
  /** Largest request body, in bytes; `Infinity`: only the platform's limit. */
  readonly maxUploadBytes: number
  /** How long the upstream may take to begin its response; `Infinity`: only the platform's limit. */
  readonly upstreamTimeoutMs: number
  /** Other hosts, `name` or `name:port`, to which the upstream may send an upload. */
  readonly uploadHosts: ReadonlySet<string>
  /** Artifact types that `sign/write` may push. */
  readonly signatureTypes: ReadonlySet<string>
  /** The gate answers Azure's metadata API in place of the registry, and holds requests to the locks that it keeps. */
  readonly keepsAttributes: boolean
}

/** A function that reads each environment once. The platform gives the same `env` object to every request of an isolate. */
export function perIsolate<T, E extends object = Env>(read: (env: E) => T): (env: E) => T {
  const known = new WeakMap<E, { readonly value: T }>()
  return (env) => {
    const found = known.get(env)
    if (found !== undefined) return found.value
    const value = read(env)
    known.set(env, { value })
    return value
  }
}

/**
 * The settings of an environment.
 *
 * @throws Fault `settings_invalid`, which names the variable
 */
export const settingsOf: (env: Env) => Settings = perIsolate((env) => ({
  ...(isSet(env.PUBLIC_URL) ? { publicUrl: httpUrl('PUBLIC_URL', env.PUBLIC_URL).origin } : {}),
  maxUploadBytes: positiveNumber('MAX_UPLOAD_BYTES', env.MAX_UPLOAD_BYTES, Infinity),
  upstreamTimeoutMs: positiveNumber('UPSTREAM_TIMEOUT_SECONDS', env.UPSTREAM_TIMEOUT_SECONDS, Infinity) * 1000,
  uploadHosts: new Set(listIn(env.UPLOAD_HOSTS).map((host) => host.toLowerCase())),
  signatureTypes: new Set(isSet(env.SIGNATURE_TYPES) ? listIn(env.SIGNATURE_TYPES) : SIGNATURE_TYPES),
  keepsAttributes: metadataApi(env.METADATA_API) === 'gate',
}))

/** The items of a list that is written with commas. */
const listIn = (text = ''): readonly string[] =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')

/** Artifact types of signatures, if `SIGNATURE_TYPES` names no others. */
const SIGNATURE_TYPES: readonly string[] = [
  'application/vnd.cncf.notary.signature',
  'application/vnd.dev.sigstore.bundle.v0.3+json',
  'application/vnd.dev.cosign.artifact.sig.v1+json',
  'application/vnd.in-toto+json',
]

/** The KV key of the policy pointer if `POLICY_POINTER` is not set. */
export const DEFAULT_POINTER = 'pointer'

/** Whether a variable has a value. The empty text counts as absent. */
export const isSet = (value: string | undefined): value is string => value !== undefined && value !== ''

/**
 * Reads an absolute http or https URL without credentials, query and fragment.
 *
 * @throws Fault `settings_invalid`, which names the variable
 */
export function httpUrl(variable: string, text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const plain = url !== undefined && url.username === '' && url.password === '' && url.search === '' && url.hash === ''
  if (!plain || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw new Fault(
      'settings_invalid',
      `${variable} must be a URL of the form https://host: with scheme and host, without user name and query`,
    )
  }
  return url
}

/** @throws Fault `settings_invalid` for a value that names neither */
function metadataApi(text: string | undefined): 'gate' | 'registry' {
  if (!isSet(text) || text === 'registry') return 'registry'
  if (text === 'gate') return text
  throw new Fault('settings_invalid', 'METADATA_API must be gate or registry')
}

function positiveNumber(variable: string, text: string | undefined, fallback: number): number {
  if (!isSet(text)) return fallback
  const value = Number(text)
  if (Number.isFinite(value) && value > 0) return value
  throw new Fault('settings_invalid', `${variable} must be a number greater than zero`)
}
