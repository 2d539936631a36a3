/**
 * The way of every registry call: parse, identify, decide, forward, record. A refusal is a value
 * that ends the way early; a failure on the way is a fault, and a fault allows nothing.
 */

import { tagConditionOf } from '../policy/analysis/tag-condition.ts'
import { type Authorization, auditedDenies, authorize, type Facts, mayReadBlob } from '../policy/decide/authorize.ts'
import { formatRule } from '../policy/decide/compiled.ts'
import type { EpochSeconds } from '../policy/model.ts'
import { isHost, parseRegistryRequest, requestHost, requestOrigin, requestTarget } from '../registry/parse.ts'
import { invalidHost, notFound } from '../registry/refusal.ts'
import type { MetadataRequest, RegistryRequest } from '../registry/request.ts'
import { includesScope, neededScopes } from '../registry/scope.ts'
import { type Audit, type AuditRecord, describe, requestId } from './answers/audit.ts'
import { mediaTypeOf } from './answers/headers.ts'
import { answerTo, type Refusal, type RefusalContext } from './answers/refusal.ts'
import { possibleChanges, readChange } from './forward/attributes.ts'
import { type ForwardContext, forward, pass, refuseLength } from './forward/forward.ts'
import { type RequestBody, requestBody } from './forward/request-body.ts'
import type { Selected } from './hosts/select.ts'
import { type IdentifiedCaller, type Identify, isRefusal } from './identity/identified-caller.ts'
import { answerMetadata } from './metadata/answer.ts'
import { changeMetadata } from './metadata/change.ts'
import type { Background } from './platform/background.ts'
import { clientIpOf } from './platform/client-ip.ts'
import type { Env } from './platform/env.ts'
import { Fault, logFault } from './platform/fault.ts'
import { sealOf } from './platform/seal.ts'
import { type Settings, settingsOf } from './platform/settings.ts'
import { guard, guardSigning } from './protections/guard.ts'
import { guardLocks, hiddenNames } from './protections/locks.ts'
import type { GuardPorts } from './protections/protected-repository.ts'
import type { CurrentPolicy, PolicyView } from './store/policy-view.ts'

/** What the gate depends on. */
export type GatePorts = {
  readonly policy: CurrentPolicy
  readonly identify: Identify
  /** Which registry and which policy a request is about. Undefined for a host that has none. */
  readonly select: (env: Env, url: string, request: RegistryRequest) => Selected | undefined
  readonly audit: Audit
  /** Milliseconds since the epoch. */
  readonly nowMs: () => number
}

/**
 * Answers every request, never rejects.
 *
 * @param url the request's, which the platform computes again each time that it is read
 */
export type Gate = (request: Request, url: string, env: Env, ctx: Background) => Promise<Response>

/** What became known on the way, for the answer and the record. */
type RequestState = {
  readonly request: Request
  readonly url: string
  readonly method: string
  readonly headers: Headers
  readonly id: string
  readonly startedMs: number
  settings?: Settings
  /** What the client asked, for its challenge: a mount also where it becomes an upload. */
  wanted?: RegistryRequest
  asked?: RegistryRequest
  /** Once it may be read. */
  body?: RequestBody
  facts?: Facts
  view?: PolicyView
  who?: IdentifiedCaller
  verdict?: Verdict
  /** Protections and deny assignments that are only audited and would have refused. */
  audited?: Set<string>
}

/** What policy says, narrowed by what the presented token is good for. */
type Verdict = (Authorization & { readonly effect: 'allow' }) | { readonly effect: 'deny'; readonly reason: Refusal }

/** Makes a gate. */
export const createGate =
  (ports: GatePorts): Gate =>
  async (request, url, env, ctx) => {
    const { method, headers } = request
    const id = requestId(headers, env)
    const state: RequestState = { request, url, method, headers, id, startedMs: ports.nowMs() }
    let outcome: Response | Refusal
    try {
      outcome = await handle(state, env, ctx, ports)
    } catch (error) {
      if (lengthRefusal(state) === undefined) logFault(error, id)
      outcome = { code: error instanceof Fault ? error.code : 'internal_error' }
    }
    // Whatever the registry made of a body that broke off, and whether it answered at all.
    outcome = lengthRefusal(state) ?? outcome
    const response = outcome instanceof Response ? outcome : answerTo(outcome, refusalContextOf(state))
    ports.audit(recordOf(state, outcome, response.status, ports.nowMs()))
    return response
  }

/** Undefined if no body was read, or if the part that was read is not too long. */
const lengthRefusal = ({ body, settings }: RequestState): Refusal | undefined =>
  body && settings && refuseLength(body, settings)

/** Whether a request is addressed to a host: where it is not, its URL has another path than the one that was sent. */
export const hasHost = (headers: Headers, url: string): boolean => isHost(headers.get('host') ?? requestHost(url))

const NO_REGISTRY = 'no registry has this host name here'

async function handle(state: RequestState, env: Env, ctx: Background, ports: GatePorts): Promise<Response | Refusal> {
  const { request, url, method, headers, startedMs } = state
  const now = Math.floor(startedMs / 1000)

  if (!hasHost(headers, url)) return { code: 'not_a_registry_request', error: invalidHost() }
  const parsed = parseRegistryRequest(method, requestTarget(url))
  if (!parsed.ok) return { code: 'not_a_registry_request', error: parsed.error }
  state.asked = parsed.value
  const settings = settingsOf(env)
  state.settings = settings

  const selected = ports.select(env, url, parsed.value)
  if (selected === undefined) return { code: 'not_a_registry_request', error: notFound('NAME_UNKNOWN', NO_REGISTRY) }
  const { upstream, pointerKey, request: question } = selected
  state.asked = question
  state.wanted = question

  // An await of a plain value costs a turn of the microtask queue. test/worker/hot-path.test.ts counts the turns.
  const policy = ports.policy(selected.env, ctx, now)
  const view = policy instanceof Promise ? await policy : policy
  state.view = view

  const identity = ports.identify(state, view, env, ctx, now)
  const who = identity instanceof Promise ? await identity : identity
  if (isRefusal(who)) return who
  state.who = who

  const facts = factsOf(headers, env, question, now)
  state.facts = facts
  const asked = withReadableSource(question, who, facts)
  state.asked = asked
  const decide = (wanted: RegistryRequest): Verdict => {
    const verdict = authorizeWithScope(wanted, who, view, facts)
    state.verdict = verdict
    return verdict
  }
  let forwarding: ForwardContext | undefined
  const context = (): ForwardContext => {
    if (forwarding !== undefined) return forwarding
    const body = requestBody(request, headers, settings.maxUploadBytes)
    state.body = body
    forwarding = {
      headers,
      body,
      who,
      facts,
      service: view.common.service,
      pointer: pointerKey,
      url,
      settings,
      upstream,
      checksMediaType: view.common.readsMediaType,
      answerMetadata: (call) => answerMetadata(call, guarding),
      ...(settings.keepsAttributes
        ? { hidden: (list) => hiddenNames(list.operation === 'listTags' ? list.name : undefined, upstream, env) }
        : {}),
      seal: () => sealOf(env),
    }
    return forwarding
  }
  const guarding: GuardPorts = {
    common: view.common,
    env,
    nowMs: startedMs,
    id: state.id,
    context,
    audit: (protection) => {
      state.audited ??= new Set()
      state.audited.add(protection)
    },
  }
  if (asked.operation === 'metadata' && asked.attributes) {
    return changeAttributes(asked, state, decide, guarding)
  }
  const verdict = decide(asked)
  if (verdict.effect === 'deny') return verdict.reason
  for (const name of auditedDenies(who.rights, view.common, asked, facts)) guarding.audit(name)
  const isSigning = verdict.signatureOnly === true && asked.operation === 'pushManifest'
  const send = (read?: string): Response | Refusal | Promise<Response | Refusal> =>
    (isSigning ? guardSigning(asked, guarding, read) : guard(asked, guarding, read)) ?? forward(asked, context(), read)
  return await (settings.keepsAttributes ? guardLocks(asked, guarding, send) : send())
}

/** Policy first, so that nobody is sent for a token that would not help; then the upper bound of the token. */
function authorizeWithScope(request: RegistryRequest, who: IdentifiedCaller, view: PolicyView, facts: Facts): Verdict {
  const authorization = authorize(who.rights, view.common, request, facts)
  if (authorization.effect === 'deny') {
    const { reason } = authorization
    const onTags =
      reason.code === 'authentication_required' ? undefined : tagConditionOf(who.rights, request, facts, reason)
    return onTags === undefined ? authorization : { effect: 'deny', reason: { ...reason, onTags } }
  }
  if (who.access === undefined) return authorization
  const { access } = who
  const scopes = neededScopes(request)
  return scopes.every((scope) => includesScope(access, scope))
    ? authorization
    : { effect: 'deny', reason: { code: 'insufficient_scope', scopes } }
}

/** A mount from a repository that the caller may not read is an upload like any other. */
function withReadableSource(request: RegistryRequest, who: IdentifiedCaller, facts: Facts): RegistryRequest {
  if (request.operation !== 'mountBlob') return request
  const { from, name, digest } = request
  return mayReadBlob(who.rights, from, digest, facts) ? request : { operation: 'startUpload', method: 'POST', name }
}

/** The permissions that a change of attributes takes depend on its body, which is read only for callers who may make some change. */
async function changeAttributes(
  asked: MetadataRequest,
  state: RequestState,
  decide: (question: RegistryRequest) => Verdict,
  guarding: GuardPorts,
): Promise<Response | Refusal> {
  const [first, ...others] = possibleChanges(asked).map(decide)
  if (first?.effect === 'deny' && others.every(({ effect }) => effect === 'deny')) return first.reason
  const given = guarding.context()
  const tooLong = refuseLength(given.body, given.settings)
  if (tooLong !== undefined) return tooLong
  const change = await readChange(asked, given.body.stream)
  if (change === undefined) return { code: 'attributes_invalid' }
  state.asked = change.request
  const verdict = decide(change.request)
  if (verdict.effect === 'deny') return verdict.reason
  const { who, facts } = given
  for (const name of auditedDenies(who.rights, guarding.common, change.request, facts)) guarding.audit(name)
  return changeMetadata(change.request, change.body, guarding) ?? pass(change.request, given, change.body)
}

/** What conditions may ask in addition to the path. */
function factsOf(headers: Headers, env: Env, request: RegistryRequest, now: EpochSeconds): Facts {
  const clientIp = clientIpOf(headers, env)
  const mediaType = request.operation === 'pushManifest' ? mediaTypeOf(headers.get('content-type')) : undefined
  const artifactType = request.operation === 'listReferrers' ? request.artifactType : undefined
  return {
    now,
    ...(clientIp === undefined ? {} : { clientIp }),
    ...(mediaType === undefined ? {} : { mediaType }),
    ...(artifactType === undefined ? {} : { artifactType }),
  }
}

function refusalContextOf({ url, method, headers, settings, view, wanted, who }: RequestState): RefusalContext {
  const origin = settings?.publicUrl ?? requestOrigin(url)
  return {
    method,
    realm: `${origin}/token`,
    authenticated: who?.caller.authenticated === true,
    presented: headers.has('authorization'),
    ...(view === undefined ? {} : { service: view.common.service }),
    ...(wanted === undefined ? {} : { request: wanted }),
    ...(who === undefined ? {} : { name: who.name }),
  }
}

function recordOf(
  { id, startedMs, method, asked, wanted, facts, view, who, verdict, audited }: RequestState,
  outcome: Response | Refusal,
  status: number,
  nowMs: number,
): AuditRecord {
  const refusal = outcome instanceof Response ? undefined : outcome
  const allowed = verdict?.effect === 'allow' && (refusal === undefined || refusal.code.startsWith('upstream_'))
  const about = asked && describe(asked)
  const rule = refusal !== undefined && 'rule' in refusal ? refusal.rule : allowed ? verdict.by : undefined
  const pushed = asked?.operation === 'pushManifest' && outcome instanceof Response && outcome.ok ? outcome : undefined
  return {
    v: 2,
    time: new Date(startedMs).toISOString(),
    id,
    principal: who?.name,
    as: who?.as,
    password: who?.password,
    operation: about?.operation,
    method: about && method,
    permission: refusal !== undefined && 'action' in refusal ? refusal.action : about?.permission,
    repository: about?.repository,
    reference: about?.reference,
    tags: about?.tags,
    digest: pushed?.headers.get('docker-content-digest') ?? about?.digest,
    from: wanted?.operation === 'mountBlob' ? wanted.from : undefined,
    mediaType: facts?.mediaType,
    artifactType: facts?.artifactType,
    clientIp: facts?.clientIp,
    claims: who?.caller.claims,
    decision: allowed ? 'allow' : 'deny',
    rule: rule && formatRule(rule),
    reason: refusal?.code,
    audit: audited && [...audited],
    bundle: view?.serial,
    status,
    ms: nowMs - startedMs,
  }
}
