/**
 * The audit record: one line of JSON per request, who was allowed or refused what, and by which rule. Never holds a
 * credential, a query, or the session of an upload.
 */
import { requirements } from '../registry/needs.ts'
import type { RegistryRequest } from '../registry/request.ts'

export type AuditRecord = {
  /** RFC 3339, UTC. */
  readonly time: string
  /** Cloudflare's `Cf-Ray` where there is one. */
  readonly id: string
  /** `token:ci`; absent where nobody was identified. */
  readonly principal?: string
  readonly operation?: RegistryRequest['operation']
  readonly permission?: string
  readonly repository?: string
  /** Tag or digest. */
  readonly reference?: string
  readonly decision: 'allow' | 'deny'
  /** What allowed or denied it, as kind and name. */
  readonly rule?: string
  /** Why it was refused, or what failed after it was allowed. */
  readonly reason?: string
  /** Serial of the policy bundle. */
  readonly bundle?: number
  readonly status: number
  readonly ms: number
}

export type Audit = (record: AuditRecord) => void

export const logRecord: Audit = (record) => {
  console.log(JSON.stringify(record))
}

/** The parts of a record that the request itself tells. */
export function describe(
  request: RegistryRequest,
): Pick<AuditRecord, 'operation' | 'permission' | 'repository' | 'reference'> {
  const permission = requirements(request)[0]?.action
  const reference = referenceOf(request)
  return {
    operation: request.operation,
    ...(permission === undefined ? {} : { permission }),
    ...('name' in request && request.name !== undefined ? { repository: request.name } : {}),
    ...(reference === undefined ? {} : { reference }),
  }
}

function referenceOf(request: RegistryRequest): string | undefined {
  if ('reference' in request) return request.reference.kind === 'tag' ? request.reference.tag : request.reference.digest
  if ('digest' in request) return request.digest
  return 'tag' in request ? request.tag : undefined
}

/** Of Cloudflare's edge where it looks like one, else made up. */
export function requestId(headers: Headers): string {
  const ray = headers.get('cf-ray')
  return ray !== null && /^[0-9a-f]{16}(?:-[A-Z]{3})?$/.test(ray) ? ray : crypto.randomUUID()
}
