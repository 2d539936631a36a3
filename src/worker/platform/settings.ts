/**
 * What the operator configured, read from the bindings once per isolate. Never holds a key or a password of the upstream:
 * those stay where they are used.
 */
import type { Env } from './env.ts'
import { Fault } from './fault.ts'

export type Settings = {
  /** Origin under which clients reach the gate, without a trailing slash; absent: that of each request. */
  readonly publicUrl?: string
  /** Largest request body, in bytes. */
  readonly maxUploadBytes: number
  /** How long the upstream may take to begin its answer; infinite where only the platform's own limit holds. */
  readonly upstreamTimeoutMs: number
  /** Foreign hosts, `name` or `name:port`, that an upload of the upstream may continue on. */
  readonly uploadHosts: ReadonlySet<string>
}

/** One value per `env`: the platform hands the same object to every request of an isolate. */
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

/** Throws the fault `settings_invalid`, which names the variable. */
export const settingsOf: (env: Env) => Settings = perIsolate((env) => ({
  ...(isSet(env.PUBLIC_URL) ? { publicUrl: httpUrl('PUBLIC_URL', env.PUBLIC_URL).origin } : {}),
  maxUploadBytes: positiveNumber('MAX_UPLOAD_BYTES', env.MAX_UPLOAD_BYTES, Infinity),
  upstreamTimeoutMs: positiveNumber('UPSTREAM_TIMEOUT_SECONDS', env.UPSTREAM_TIMEOUT_SECONDS, Infinity) * 1000,
  uploadHosts: new Set(
    (env.UPLOAD_HOSTS ?? '')
      .split(',')
      .map((host) => host.trim().toLowerCase())
      .filter((host) => host !== ''),
  ),
}))

/** The key under which the policy pointer is found where nothing else is set. */
export const DEFAULT_POINTER = 'pointer'

/** A variable that is there; the empty text counts as absent. */
export const isSet = (value: string | undefined): value is string => value !== undefined && value !== ''

/** An absolute http or https URL without credentials, query and fragment. */
export function httpUrl(variable: string, text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const plain = url !== undefined && url.username === '' && url.password === '' && url.search === '' && url.hash === ''
  if (!plain || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw new Fault(
      'settings_invalid',
      `${variable} is no URL of the form https://host: give it scheme and host, and no user name or query`,
    )
  }
  return url
}

function positiveNumber(variable: string, text: string | undefined, fallback: number): number {
  if (!isSet(text)) return fallback
  const value = Number(text)
  if (Number.isFinite(value) && value > 0) return value
  throw new Fault('settings_invalid', `${variable} is no number above zero`)
}
