/** Makes a registry that requests can be sent to, with the credential for it. */

import { createAuthentication } from './authentication.ts'
import { type CredentialTexts, readCredential } from './credential.ts'
import type { AuthHosts } from './realm.ts'
import type { Upstream } from './upstream.ts'

/** A registry, and how it is reached. */
export type UpstreamOptions = Pick<Upstream, 'id' | 'fetch' | 'timeoutMs'> & {
  /** Its base URL. */
  readonly url: URL
  readonly authHosts: AuthHosts
  readonly credential: CredentialTexts
}

/** @throws Fault `settings_invalid` for a credential that is not one */
export function openUpstream({ id, url, fetch, timeoutMs, authHosts, credential }: UpstreamOptions): Upstream {
  const site = { origin: url.origin, basePath: url.pathname.replace(/\/+$/, ''), fetch }
  const authentication = createAuthentication({ ...site, authHosts }, readCredential(credential))
  return {
    id,
    ...site,
    timeoutMs,
    authorizationFor: (request, hasBody) => authentication.authorizationFor(request, hasBody),
    refused: (request, challenge, authorization) => authentication.refused(request, challenge, authorization),
  }
}
