/**
 * Holds requests that permissions allow to the protections of the policy. A request that no protection covers is not touched:
 * it costs no call of the state.
 */
import { mayReadQuarantined } from '../../policy/decide/authorize.ts'
import {
  isTrustedPusher,
  keptTags,
  NO_PROTECTIONS,
  protectionsOn,
  quarantineOf,
} from '../../policy/decide/protections.ts'
import { contentChange } from '../../registry/content-change.ts'
import type { RepositoryName, Tag } from '../../registry/name.ts'
import type { RegistryRequest } from '../../registry/request.ts'
import type { Refusal } from '../answers/refusal.ts'
import { forward, readManifestText } from '../forward/forward.ts'
import { isSet } from '../platform/settings.ts'
import { type GuardPorts, hostOf, type ProtectedRepository, protectedRepository } from './protected-repository.ts'
import { pullReleased, pushQuarantined, type QuarantineEvent } from './quarantine.ts'
import { isSignature } from './signature.ts'
import { guardWriteOnce } from './write-once.ts'

/** Sends a push that `sign/write` alone allows, if it is a signature. @param read as {@link guard} takes it */
export async function guardSigning(
  request: Extract<RegistryRequest, { readonly operation: 'pushManifest' }>,
  ports: GuardPorts,
  read?: string,
): Promise<Response | Refusal> {
  const { forwarding, facts } = protectedRepository(request.name, ports)
  const text = read ?? (await readManifestText(forwarding))
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
    const tools = protectedRepository(name, ports)
    const { who, facts } = tools.forwarding
    if (mayReadQuarantined(who.rights, request, facts)) return undefined
    const send = async (): Promise<Response | Refusal> => forward(request, tools.forwarding)
    return pullReleased(request, { ...tools, quarantine, forward: send })
  }
  const change = contentChange(request)
  if (change === undefined) return undefined
  const tools = protectedRepository(name, ports)
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
  { forwarding }: ProtectedRepository,
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
