/** The address of a client: Cloudflare's word, or that of a proxy which the operator trusts. Never a header that any client may send. */
import type { Env } from './env.ts'
import { isSet } from './settings.ts'

/** The header that Cloudflare sets, and that nobody else can set there. */
const CLOUDFLARE_HEADER = 'cf-connecting-ip'

type ClientEnv = Pick<Env, 'CLIENT_IP_HEADER'>

/** Whether Cloudflare's edge is in front of this gate, so that its headers are Cloudflare's word. */
export const isBehindCloudflare = ({ CLIENT_IP_HEADER }: ClientEnv): boolean => !isSet(CLIENT_IP_HEADER)

/** The address; undefined if nobody who is trusted says it. A trusted proxy adds its word at the end of a list. */
export function clientIpOf(headers: Headers, env: ClientEnv): string | undefined {
  if (isBehindCloudflare(env)) return headers.get(CLOUDFLARE_HEADER) ?? undefined
  const { CLIENT_IP_HEADER: name = 'none' } = env
  const value = name === 'none' ? null : headers.get(name)
  const last = value?.slice(value.lastIndexOf(',') + 1).trim()
  return last === '' ? undefined : last
}
