/**
 * The audit record: one line of JSON per request, who was allowed or refused what, and by which rule. Never holds a
 * credential, a query, or the session of an upload.
 */

import type { RegistryRequest } from '../../registry/request.ts'
import { namedTags, requirements } from '../../registry/required-permissions.ts'
import { isBehindCloudflare } from '../platform/client-ip.ts'
import type { Env } from '../platform/env.ts'

/** One audit record, version 2: one line of JSON for each request. docs/operations.md and schema/record.schema.json explain the keys. */
export type AuditRecord = {
  readonly v: 2
  /** RFC 3339, UTC. */
  readonly time: string
  /** Cloudflare's `Cf-Ray` where there is one. */
  readonly id: string
  /** `token:ci`; absent where nobody was identified. */
  readonly principal?: string | undefined
  /** Every principal key that the caller was at once; of its groups those that the policy names. */
  readonly as?: readonly string[] | undefined
  /** The name of the password that vouched for the caller. */
  readonly password?: string | undefined
  /** What was asked: an operation of the registry, or of the token service. */
  readonly operation?: RegistryRequest['operation'] | 'token' | 'exchange' | undefined
  readonly method?: string | undefined
  readonly permission?: string | undefined
  readonly repository?: string | undefined
  /** Tag or digest. */
  readonly reference?: string | undefined
  /** Every tag of a push. */
  readonly tags?: readonly string[] | undefined
  /** Of the manifest that was pushed, also by tag; of any other request the digest that it names. */
  readonly digest?: string | undefined
  /** The source of a mount that was asked for, also where the mount became an upload. */
  readonly from?: string | undefined
  readonly mediaType?: string | undefined
  readonly artifactType?: string | undefined
  readonly clientIp?: string | undefined
  /** Claims that the policy reads. */
  readonly claims?: Readonly<Record<string, string | readonly string[]>> | undefined
  /** Scopes of a token that was given, or of one that was refused. */
  readonly scopes?: readonly string[] | undefined
  readonly decision: 'allow' | 'deny'
  /** What allowed or denied it, as kind and name. */
  readonly rule?: string | undefined
  /** Why it was refused, or what failed after it was allowed. */
  readonly reason?: string | undefined
  /** Protections and deny assignments that are only audited and would have refused. */
  readonly audit?: readonly string[] | undefined
  /** Serial of the policy bundle. */
  readonly bundle?: number | undefined
  readonly status: number
  /** Milliseconds until the answer began. */
  readonly ms: number
}

/** Takes the record of a request. */
export type Audit = (record: AuditRecord) => void

/** Writes a record to the log, as one line of JSON. */
export const logRecord: Audit = (record) => {
  console.log(JSON.stringify(record))
}

/** The parts of a record that the request itself tells. */
export function describe(
  request: RegistryRequest,
): Pick<AuditRecord, 'operation' | 'permission' | 'repository' | 'reference' | 'tags' | 'digest'> {
  const tags = request.operation === 'pushManifest' ? namedTags(request) : undefined
  return {
    operation: request.operation,
    permission: requirements(request)[0]?.action,
    repository: 'name' in request ? request.name : undefined,
    reference: referenceOf(request),
    tags: tags?.length === 0 ? undefined : tags,
    digest: digestOf(request),
  }
}

function referenceOf(request: RegistryRequest): string | undefined {
  if ('reference' in request) return request.reference.kind === 'tag' ? request.reference.tag : request.reference.digest
  if ('digest' in request) return request.digest
  return 'tag' in request ? request.tag : undefined
}

function digestOf(request: RegistryRequest): string | undefined {
  if ('reference' in request) return request.reference.kind === 'digest' ? request.reference.digest : undefined
  return 'digest' in request ? request.digest : undefined
}

/** Of Cloudflare's edge where that is in front of the gate, else made up. */
export function requestId(headers: Headers, env: Pick<Env, 'CLIENT_IP_HEADER'>): string {
  const ray = isBehindCloudflare(env) ? headers.get('cf-ray') : null
  return ray !== null && /^[0-9a-f]{16}(?:-[A-Z]{3})?$/.test(ray) ? ray : crypto.randomUUID()
}
