/**
 * Holds requests that permissions allow to the protections of the policy. A request that no protection covers is not touched:
 * it costs no call of the state.
 */
import { mayReadQuarantined } from '../../policy/decide/authorize.ts'
import type { Common } from '../../policy/decide/effective-rights.ts'
import {
  isTrustedPusher,
  keptTags,
  NO_PROTECTIONS,
  protectionsOn,
  quarantineOf,
} from '../../policy/decide/protections.ts'
import { contentChange } from '../../registry/content-change.ts'
import type { RepositoryName, Tag } from '../../registry/name.ts'
import { requestOrigin } from '../../registry/parse.ts'
import type { MetadataRequest, RegistryRequest } from '../../registry/request.ts'
import type { Refusal } from '../answers/refusal.ts'
import { type ForwardContext, forward, readManifestText } from '../forward/forward.ts'
import type { Env } from '../platform/env.ts'
import { isSet } from '../platform/settings.ts'
import { decideQuarantine, pullReleased, pushQuarantined, type QuarantineEvent, readDecision } from './quarantine.ts'
import { RegistryFacts } from './registry-facts.ts'
import { isSignature } from './signature.ts'
import { objectNameOf, stateOf } from './state-client.ts'
import { guardWriteOnce } from './write-once.ts'

/** What holding a request to protections needs in addition to the request. */
export type GuardPorts = {
  readonly common: Pick<Common, 'protections'>
  readonly env: Pick<Env, 'STATE' | 'QUARANTINE_WEBHOOK'>
  readonly nowMs: number
  /** Id of the request, for the log. */
  readonly id: string
  /** Makes the context of forwarding, once. */
  readonly context: () => ForwardContext
  /** Takes the name of a protection that would have refused the request, but is only audited. */
  readonly audit: (protection: string) => void
}

/** Sends a push that `sign/write` alone allows, if it is a signature. */
export async function guardSigning(
  request: Extract<RegistryRequest, { readonly operation: 'pushManifest' }>,
  ports: GuardPorts,
): Promise<Response | Refusal> {
  const { forwarding, facts } = toolsFor(request.name, ports)
  const text = await readManifestText(forwarding)
  const { signatureTypes: types } = forwarding.settings
  const { mediaType } = forwarding.facts
  if (text === undefined || !(await isSignature(request, text, { mediaType, types, facts }))) {
    return { code: 'not_a_signature' }
  }
  return guard(request, ports, text) ?? forward(request, forwarding, text)
}

/**
 * Sends an allowed request if the protections let it pass; undefined for a request that no protection covers.
 *
 * @param read text of the pushed manifest, if the body was read already
 */
export function guard(
  request: RegistryRequest,
  ports: GuardPorts,
  read?: string,
): Promise<Response | Refusal> | undefined {
  if (ports.common.protections === undefined || !('name' in request) || request.name === undefined) return undefined
  const { name } = request
  const protections = protectionsOn(ports.common, name)
  if (protections === NO_PROTECTIONS) return undefined
  const quarantine = quarantineOf(protections)
  if (request.operation === 'pullManifest') {
    if (quarantine === undefined) return undefined
    const tools = toolsFor(name, ports)
    const { who, facts } = tools.forwarding
    if (mayReadQuarantined(who.rights, request, facts)) return undefined
    const send = async (): Promise<Response | Refusal> => forward(request, tools.forwarding)
    return pullReleased(request, { ...tools, quarantine, forward: send })
  }
  const change = contentChange(request)
  if (change === undefined) return undefined
  const tools = toolsFor(name, ports)
  const { caller } = tools.forwarding.who.rights
  const send = async (body?: string): Promise<Response | Refusal> => forward(request, tools.forwarding, body ?? read)
  const manifest = async (): Promise<string | undefined> => read ?? readManifestText(tools.forwarding)
  const isHeld = quarantine !== undefined && change.kind === 'push'
  const sendHeld = async (body?: string): Promise<Response | Refusal> => {
    if (!isHeld) return send(body)
    const text = body ?? (await manifest())
    const held = { ...tools, quarantine, forward: send }
    return pushQuarantined(
      text,
      isTrustedPusher(quarantine, caller),
      held,
      eventFor(name, change.tags[0], tools, ports),
    )
  }
  const kept = keptTags(protections, caller)
  if (kept === undefined) return isHeld ? sendHeld() : undefined
  return guardWriteOnce(change, { ...tools, kept, manifest, forward: sendHeld })
}

/** Makes the event for a push; undefined if nobody wants events. */
function eventFor(
  repository: RepositoryName,
  tag: Tag | undefined,
  { forwarding }: ReturnType<typeof toolsFor>,
  { env, id, nowMs }: GuardPorts,
): ((digest: string, bytes: number) => QuarantineEvent) | undefined {
  if (!isSet(env.QUARANTINE_WEBHOOK)) return undefined
  const { mediaType } = forwarding.facts
  return (digest, bytes) => ({
    id: crypto.randomUUID(),
    timestamp: new Date(nowMs).toISOString(),
    action: 'quarantine',
    target: {
      ...(mediaType === undefined ? {} : { mediaType }),
      size: bytes,
      digest,
      length: bytes,
      repository,
      ...(tag === undefined ? {} : { tag }),
    },
    request: { id, host: hostOf(forwarding), method: 'PUT' },
  })
}

/** The host under which clients reach the gate. */
const hostOf = ({ settings, url }: ForwardContext): string => new URL(settings.publicUrl ?? requestOrigin(url)).host

const MANIFEST_PATH = /\/_manifests\/([^/?]+)$/

/**
 * Records a decision about a manifest in quarantine, in place of the registry; undefined for any other change of attributes,
 * and for a repository that has no quarantine.
 *
 * @param body the change, as JSON
 */
export function guardAttributes(
  request: MetadataRequest,
  body: string,
  ports: GuardPorts,
): Promise<Response | Refusal> | Refusal | undefined {
  const { name, path, requirements } = request
  if (name === undefined || !requirements.some(({ action }) => action === 'quarantine/write')) return undefined
  if (quarantineOf(protectionsOn(ports.common, name)) === undefined) return undefined
  const decision = readDecision(body)
  const [, digest] = MANIFEST_PATH.exec(path) ?? []
  if (decision === undefined || digest === undefined) return { code: 'attributes_invalid' }
  const tools = toolsFor(name, ports)
  return decideQuarantine({ repository: name, digest, host: hostOf(tools.forwarding) }, decision, tools)
}

function toolsFor(name: RepositoryName, { env, nowMs, id, context, audit }: GuardPorts) {
  const forwarding = context()
  const { upstream } = forwarding
  return {
    forwarding,
    nowMs,
    id,
    audit,
    state: () => stateOf(env, objectNameOf(upstream, name)),
    facts: new RegistryFacts(name, upstream),
  }
}
