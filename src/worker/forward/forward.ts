/**
 * What happens to a request that was allowed: it is rebuilt from its parsed value, sent, and its answer made fit for the
 * client. Never decides who may.
 */
import type { Facts } from '../../policy/decide/authorize.ts'
import { formatTarget } from '../../registry/format.ts'
import { formatNextLink } from '../../registry/link.ts'
import type { RepositoryName } from '../../registry/name.ts'
import { requestOrigin } from '../../registry/parse.ts'
import type { MetadataRequest, RegistryRequest } from '../../registry/request.ts'
import { isForm, pageHeaders, sendsBody, upstreamHeaders } from '../answers/headers.ts'
import { jsonHeaders, type Refusal } from '../answers/refusal.ts'
import type { IdentifiedCaller } from '../identity/identified-caller.ts'
import { readText } from '../platform/read-text.ts'
import type { RequestContext, Seal } from '../platform/seal.ts'
import type { Settings } from '../platform/settings.ts'
import { type Outgoing, send, type Upstream } from '../upstream/upstream.ts'
import { answerList, type ListRequest } from './list-endpoints.ts'
import { locationFor } from './location.ts'
import { isManifestOf, MANIFEST_MAX_BYTES } from './manifest-type.ts'
import { nextQuery } from './pager.ts'
import { joinReferrers } from './referrers.ts'
import { relay } from './relay-response.ts'
import type { RequestBody } from './request-body.ts'
import { openSession, sealSession } from './upload-session.ts'
import { readUploadTarget, type UploadPlace } from './upload-target.ts'

/** What forwarding needs in addition to the request. */
export type ForwardContext = {
  readonly headers: Headers
  readonly body: RequestBody
  readonly who: IdentifiedCaller
  /** The service of the policy in force, and its pointer key. */
  readonly service: string
  readonly pointer: string
  /** Absolute URL of the request, at the gate. */
  readonly url: string
  readonly facts: Facts
  readonly settings: Settings
  readonly upstream: Upstream
  /** Policy asks for media types, so a manifest has to be of the one that its header says. */
  readonly checksMediaType: boolean
  /** Answers a call of Azure's metadata API in place of the registry; undefined: the registry answers it. */
  readonly answerMetadata?: (request: MetadataRequest) => Promise<Response | Refusal> | Refusal | undefined
  /** Names that a list leaves out, as the registry has them; absent: none. */
  readonly hidden?: (request: ListRequest) => Promise<ReadonlySet<string>>
  /** Asked for where something is sealed or opened; throws `signing_key_unavailable`. */
  readonly seal: () => Seal
}

/**
 * Sends an allowed request to the registry. Throws, or rejects with, faults of the upstream.
 *
 * @param manifest text of the pushed manifest, if the gate has read the body already
 */
export function forward(
  request: RegistryRequest,
  context: ForwardContext,
  manifest?: string,
): Response | Refusal | Promise<Response | Refusal> {
  const refusal = refuseBody(request, context)
  if (refusal !== undefined) return refusal
  switch (request.operation) {
    case 'ping':
      // Answered here: it asks whether the credential is good, which the gate knows, even while the registry is down.
      return new Response(request.method === 'HEAD' ? null : '{}', { headers: jsonHeaders() })
    case 'listCatalog':
    case 'listTags':
      return list(request, context)
    case 'uploadStatus':
    case 'uploadChunk':
    case 'completeUpload':
    case 'cancelUpload':
      return continueUpload(request, request.session, context)
    case 'pushManifest':
      return context.checksMediaType ? pushTypedManifest(request, context, manifest) : pass(request, context, manifest)
    case 'metadata':
      return context.answerMetadata?.(request) ?? pass(request, context)
    default:
      return pass(request, context)
  }
}

async function list(request: ListRequest, forwarding: ForwardContext): Promise<Response | Refusal> {
  const { who, facts, seal } = forwarding
  const context = contextOf('list', { ...request, paging: {} }, forwarding)
  const hidden = await forwarding.hidden?.(request)
  // A gate that answers the metadata API itself is in front of a registry that has none.
  const asked = hidden !== undefined && 'api' in request ? { ...request, api: 'v2' as const } : request
  const path = targetOf({ ...asked, paging: {} }, forwarding.upstream)
  const fetchPage = (query: string) => ask(asked, `${path}${query}`, forwarding)
  const ports = { ...who, context, facts, seal: seal(), fetchPage, ...(hidden === undefined ? {} : { hidden }) }
  const answer = await answerList(request, ports)
  return 'upstream' in answer ? relay(answer.upstream, request, undefined) : answer
}

async function continueUpload(
  request: RegistryRequest,
  sealed: string,
  forwarding: ForwardContext,
): Promise<Response | Refusal> {
  const { settings, upstream, seal, facts } = forwarding
  const context = uploadContext(request, forwarding)
  const session = await openSession(sealed, { context, seal: seal(), now: facts.now }, upstream, settings.uploadHosts)
  if (session === undefined) return { code: 'upload_unknown' }
  return passTo({ ...session, url: formatTarget(request, session.url) }, request, forwarding)
}

/** The text of a pushed manifest; undefined if it is longer than 4 MiB or is not UTF-8. */
export const readManifestText = ({ body }: ForwardContext): Promise<string | undefined> =>
  readText(body.stream, MANIFEST_MAX_BYTES)

async function pushTypedManifest(
  request: RegistryRequest,
  context: ForwardContext,
  read?: string,
): Promise<Response | Refusal> {
  const manifest = read ?? (await readManifestText(context))
  const isTyped = manifest !== undefined && isManifestOf(context.facts.mediaType, manifest)
  return isTyped ? pass(request, context, manifest) : { code: 'manifest_type_mismatch' }
}

/**
 * Send a request to where the upstream has it, with the client's body or with one that the gate wrote, and relay the
 * answer.
 *
 * @param body replaces the client's
 */
export const pass = (request: RegistryRequest, context: ForwardContext, body?: string): Promise<Response> =>
  passTo({ url: urlOf(request, context.upstream) }, request, context, body)

async function passTo(
  target: Pick<Outgoing, 'url' | 'isElsewhere'>,
  request: RegistryRequest,
  context: ForwardContext,
  body?: string,
): Promise<Response> {
  const { headers, settings, upstream, seal, facts } = context
  const sent = await send(upstream, request, {
    headers: upstreamHeaders(headers, request),
    ...target,
    ...(body !== undefined ? { body, bodyBytes: body.length } : sendsBody(request) ? bodyOf(context) : {}),
  })
  const answer = request.operation === 'listReferrers' ? await joinPages(sent, request, context) : sent
  const location = locationFor(request, answer, target.url, {
    read: (text) => readUploadTarget(text, uploadPlace(request, target.url, context)),
    seal: (session) =>
      sealSession(
        session,
        { context: uploadContext(request, context), seal: seal(), now: facts.now },
        settings.publicUrl ?? requestOrigin(context.url),
      ),
  })
  // An await of a plain value costs a turn of the microtask queue. test/worker/hot-path.test.ts counts the turns.
  const relayed = relay(answer, request, location instanceof Promise ? await location : location)
  const hasPages = request.operation === 'metadata' && request.method === 'GET' && answer.status === 200
  return hasPages ? withNextPage(relayed, request, answer.headers.get('link')) : relayed
}

/**
 * The answer with the `Link` to the next page of a list of Azure's metadata API: at the path of the request, with known
 * parameters alone and the filter of the request.
 *
 * @param link of the upstream's answer
 * @throws Fault `upstream_invalid` for a link that cannot be read: the list would seem to end there
 */
async function withNextPage(
  relayed: Response | Promise<Response>,
  { path: target }: MetadataRequest,
  link: string | null,
): Promise<Response> {
  const query = nextQuery(link)
  const response = await relayed
  if (query === undefined) return response
  const [path = '', own] = target.split('?', 2)
  const digest = new URLSearchParams(own).get('digest')
  const filter = digest === null ? '' : `&digest=${encodeURIComponent(digest)}`
  response.headers.set('link', formatNextLink(`${path}${query}${filter}`))
  return response
}

/** Upstreams may have names of their own for their repositories. */
const targetOf = (request: RegistryRequest, { named }: Upstream): string => formatTarget(named?.(request) ?? request)

/** The URL of a request at the upstream, under the upstream's own name of the repository. */
export const urlOf = (request: RegistryRequest, upstream: Upstream): string =>
  absolute(targetOf(request, upstream), upstream)

const absolute = (target: string, { origin, basePath }: Upstream): string => `${origin}${basePath}${target}`

/** Ask for a page of a list. */
const ask = (request: RegistryRequest, target: string, { headers, upstream }: ForwardContext): Promise<Response> =>
  send(upstream, request, { url: absolute(target, upstream), headers: pageHeaders(headers) })

function joinPages(first: Response, request: RegistryRequest, context: ForwardContext): Promise<Response> {
  const [path = ''] = targetOf(request, context.upstream).split('?', 1)
  return joinReferrers(first, (query) => ask(request, `${path}${query}`, context))
}

/** The stream is handed on as it is: only so does its length stay known. */
function bodyOf({ body: { stream, bytes } }: ForwardContext): Pick<Outgoing, 'body' | 'bodyBytes'> {
  return bytes === undefined ? { body: stream } : { body: stream, bodyBytes: bytes }
}

/** All that a session or a cursor is good for. Of an upload, every request has the same. */
function contextOf(
  purpose: RequestContext['purpose'],
  request: RegistryRequest,
  context: ForwardContext,
): RequestContext {
  const { upstream, service, pointer, who } = context
  return {
    purpose,
    service,
    pointer,
    upstream: upstream.id,
    url: urlOf(request, upstream),
    path: formatTarget(request),
    caller: who.name,
    credential: who.credential,
  }
}

const uploadContext = (request: RegistryRequest, context: ForwardContext): RequestContext =>
  contextOf('upload', { operation: 'startUpload', method: 'POST', name: repositoryOf(request) }, context)

function uploadPlace(request: RegistryRequest, requested: string, context: ForwardContext): UploadPlace {
  const { upstream, settings, url } = context
  const { origin, basePath, named } = upstream
  const repository = repositoryOf(named?.(request) ?? request)
  // Behind a proxy the gate has two names.
  const gateHosts = new Set([settings.publicUrl ?? url, url].map((known) => new URL(known).host))
  return { requested, origin, basePath, repository, gateHosts, uploadHosts: settings.uploadHosts }
}

function repositoryOf(request: RegistryRequest): RepositoryName {
  if (!('name' in request) || request.name === undefined) throw new Error('an upload has a repository')
  return request.name
}

/** Judged by the headers: no byte of the body is read. A pull has none that would be sent on. */
function refuseBody(request: RegistryRequest, { headers, settings, body }: ForwardContext): Refusal | undefined {
  if (request.method === 'GET' || request.method === 'HEAD') return undefined
  if (mayBeForm(request) && headers.get('content-length') !== '0' && isForm(headers.get('content-type')))
    return { code: 'form_body' }
  return refuseLength(body, settings)
}

/** A body that is too long, or has become so while it was sent on. */
export function refuseLength({ bytes, isTooLong }: RequestBody, { maxUploadBytes }: Settings): Refusal | undefined {
  if (!isTooLong()) return undefined
  return { code: 'body_too_large', ...(bytes === undefined ? {} : { bytes }), limit: maxUploadBytes }
}

/** Where a registry would read parameters from a form. The bytes of an upload are sent on as bytes, whatever they are called. */
function mayBeForm({ operation }: RegistryRequest): boolean {
  return (
    operation === 'startUpload' || operation === 'mountBlob' || operation === 'pushManifest' || operation === 'metadata'
  )
}
