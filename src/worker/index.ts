/**
 * The Worker: registry calls go to the gate on the raw request, before any router could read their path in its own way;
 * the rest goes to the shell.
 */
import { requestTarget } from '../registry/parse.ts'
import { createAdmin } from './admin.ts'
import { type Audit, logRecord } from './answers/audit.ts'
import { createApp } from './app.ts'
import { createGate, hasHost } from './gate.ts'
import { createHealth } from './health.ts'
import { selectUpstream } from './hosts/select.ts'
import { identify } from './identity/identify.ts'
import type { Env } from './platform/env.ts'
import { countRequest } from './platform/metrics.ts'
import { policyStoreOf } from './policy-store/oci-store.ts'
import { createPolicies } from './store/store.ts'
import { createTokenService } from './token-service/service.ts'
import { warmUp } from './warm-up.ts'

const nowMs = () => Date.now()

const audit: Audit = (record) => {
  logRecord(record)
  countRequest(record)
}

const policies = createPolicies<Env>(policyStoreOf)
const gate = createGate({ policy: policies.current, identify, select: selectUpstream, audit, nowMs })
const app = createApp(
  createHealth({ policy: policies.current, status: policies.status, nowMs }),
  createTokenService({ policy: policies.current, audit, nowMs }),
)

// Where it cannot be done, the first request compiles what it needs.
warmUp().catch(() => undefined)

const isRegistryCall = (target: string): boolean => target.startsWith('/v2/') || target.startsWith('/acr/v1/')

export { RepositoryState } from './protections/state/repository-state.ts'

/** The address of an operator: see `./admin.ts`. */
export const Admin = {
  fetch: createAdmin({ policies, health: (request, env, ctx) => app.fetch(request, env, ctx), nowMs }),
} satisfies ExportedHandler<Env>

export default {
  fetch(request, env, ctx) {
    const { url } = request
    // The gate refuses what is addressed to no host, whatever path such a URL seems to have.
    const isForGate = isRegistryCall(requestTarget(url)) || !hasHost(request.headers, url)
    return isForGate ? gate(request, url, env, ctx) : app.fetch(request, env, ctx)
  },
} satisfies ExportedHandler<Env>
