/**
 * What a right answer looks like. Every function says in words what is wrong with one, or nothing. Only the answer counts:
 * no knowledge of which gate is asked.
 */
import { isRecord } from '../../base/json.ts'
import type { Answer } from './wire.ts'

/** What a challenge tells a client. */
export type Challenge = { readonly realm: string; readonly service: string; readonly error?: string }

type Problem = string | undefined

/** The one Bearer challenge of an answer, or what is wrong with it. */
export function readChallenge({ headers }: Answer): Challenge | string {
  const lines = headers.get('www-authenticate') ?? []
  const [line] = lines
  if (line === undefined) return 'it has no WWW-Authenticate'
  if (lines.length > 1) return `it has ${lines.length} WWW-Authenticate headers; several clients read only the first`
  const schemes = line.replaceAll(/"[^"]*"/g, '').match(/(?:^|,\s*)[A-Za-z][A-Za-z0-9-]*(?=\s+[A-Za-z])/g) ?? []
  if (schemes.length !== 1) return `its WWW-Authenticate holds ${schemes.length} challenges, and one is right`
  if (!/^Bearer\s/.test(line)) return 'its challenge is not Bearer'
  const parameter = (name: string) => new RegExp(`(?:\\s|,)${name}="([^"]*)"`).exec(line)?.[1]
  const realm = parameter('realm')
  const service = parameter('service')
  const error = parameter('error')
  if (realm === undefined || service === undefined || service === '') return 'its challenge lacks a realm or a service'
  return { realm, service, ...(error === undefined ? {} : { error }) }
}

/** Of an answer to somebody who must log in. */
export function problemUnlessUnauthorized(answer: Answer): Problem {
  if (answer.status !== 401) return `it is ${answer.status}, and 401 is right`
  const challenge = readChallenge(answer)
  return typeof challenge === 'string' ? challenge : unlikeRefusal(answer)
}

/** Of an answer to somebody who is known, and may not. */
export const unlikeDenial = (answer: Answer): Problem =>
  answer.status === 403 ? unlikeRefusal(answer) : `it is ${answer.status}, and 403 is right`

/** Of an answer to a credential that is none: 400 where it cannot be read, 429 where there were too many. */
export function unlikeBadCredential(answer: Answer): Problem {
  if (answer.status === 400 || answer.status === 429) return unlikeRefusal(answer)
  return problemUnlessUnauthorized(answer)
}

/** Of an answer to what is not a route: never a success, a redirect or a failure of what lies behind. */
export const unlikeNothing = (answer: Answer): Problem =>
  answer.status >= 400 && answer.status < 500 ? undefined : `it is ${answer.status}, and 400, 401, 403 or 404 is right`

function unlikeRefusal(answer: Answer): Problem {
  return unlikePrivate(answer) ?? unlikeErrors(answer)
}

/** An answer that was decided for one caller is private: nobody else may get it from a cache. */
export function unlikePrivate({ headers }: Answer): Problem {
  const cacheControl = (headers.get('cache-control') ?? []).join(',').toLowerCase()
  if (!cacheControl.includes('no-store')) return 'it may be cached: its Cache-Control has no no-store'
  const cache = headers.get('cf-cache-status')?.[0]
  if (cache === 'HIT') return 'it came from a cache (CF-Cache-Status: HIT)'
  return headers.has('set-cookie') ? 'it sets a cookie' : undefined
}

/** HEAD has no body; everything else says why, in the form of the OCI distribution-spec. */
function unlikeErrors({ body, headers }: Answer): Problem {
  if (body === '') return undefined
  const type = headers.get('content-type')?.[0] ?? ''
  if (!type.startsWith('application/json')) return `its body is ${type || 'of no type'}, and no registry error`
  const value = jsonOf(body)
  if (!isRecord(value) || !Array.isArray(value.errors)) {
    return 'its body holds no errors of a registry'
  }
  return undefined
}

/** The value of a JSON text; nothing for what is none. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
