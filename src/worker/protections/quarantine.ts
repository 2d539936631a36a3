/**
 * Quarantine, as Azure's: a manifest cannot be pulled until it is released, by a decision or by age. A manifest that the gate
 * has never seen is held back too.
 *
 * Source: Azure/acr `docs/preview/quarantine/readme.md`.
 */
import type { ProtectionData } from '../../policy/decide/compiled.ts'
import type { Quarantine } from '../../policy/decide/protections.ts'
import { parseDigest } from '../../registry/name.ts'
import type { Reference, RegistryRequest } from '../../registry/request.ts'
import type { Refusal } from '../answers/refusal.ts'
import { MANIFEST_MAX_BYTES } from '../forward/manifest-type.ts'
import { logFault } from '../platform/fault.ts'
import { readText } from '../platform/read-text.ts'
import { discard } from '../upstream/upstream.ts'
import { type Manifest, readManifest } from './manifest.ts'
import type { RegistryFacts } from './registry-facts.ts'
import type { QuarantineRecord, StateCalls } from './state/calls.ts'

/** One request to a repository that has a quarantine. */
export type QuarantinedRequest = {
  readonly quarantine: Quarantine
  readonly state: () => StateCalls
  readonly facts: RegistryFacts
  /** Sends the request to the registry. */
  readonly forward: (body?: string) => Promise<Response | Refusal>
  /** Takes the name of a protection that would have refused the request, but is only audited. */
  readonly audit: (protection: string) => void
  readonly nowMs: number
  /** Id of the request, for the log. */
  readonly id: string
}

type Pull = Extract<RegistryRequest, { readonly operation: 'pullManifest' }>

/** Sends a pull of a manifest, and gives its answer only if the manifest is released. */
export async function pullReleased(request: Pull, asked: QuarantinedRequest): Promise<Response | Refusal> {
  const { reference } = request
  if (reference.kind === 'digest') {
    const held = await heldBack(reference.digest, asked)
    // The registry is not asked again: a push may store the manifest in the meantime.
    if (held === 'missing') return { code: 'manifest_missing' }
    return held === 'released' ? asked.forward() : refusal(reference, held, asked)
  }
  const answer = await asked.forward()
  if (!(answer instanceof Response) || (answer.status >= 400 && answer.status !== 416)) return answer
  const named = await digestOf(answer, reference, asked)
  if (named === undefined) return refusal(reference, UNKNOWN, asked)
  const held = await heldBack(named.digest, asked).catch(async (error: unknown) => {
    await discard(named.answer)
    throw error
  })
  if (held === 'released') return named.answer
  await discard(named.answer)
  return refusal(reference, held === 'missing' ? UNKNOWN : held, asked)
}

/** Which manifest an answer to a pull by tag is, and the answer, whose body may have been read for it. */
async function digestOf(
  answer: Response,
  reference: Reference,
  { facts }: QuarantinedRequest,
): Promise<{ readonly digest: string; readonly answer: Response } | undefined> {
  const header = parseDigest(answer.headers.get('docker-content-digest') ?? '')
  if (header.ok) return { digest: header.value, answer }
  if (answer.body === null) {
    // A HEAD, or a manifest that the client has already: the answer holds nothing of the manifest itself.
    const manifest = await facts.manifest(reference)
    return manifest && { digest: manifest.digests[0], answer }
  }
  if (answer.status !== 200) {
    await discard(answer)
    return undefined
  }
  const text = await readText(answer.body, MANIFEST_MAX_BYTES)
  const manifest = text === undefined ? undefined : await readManifest(text)
  return manifest === undefined
    ? undefined
    : { digest: manifest.digests[0], answer: new Response(text ?? null, answer) }
}

type Held = Pick<QuarantineRecord, 'state'> & { readonly releasedAtMs?: number }

/** Of a manifest whose digest cannot be found out. */
const UNKNOWN: Held = { state: 'pending' }

/** Why a manifest is held back; or that it is released, or that the registry does not have it by its digest. */
async function heldBack(digest: string, asked: QuarantinedRequest): Promise<Held | 'released' | 'missing'> {
  const { quarantine, state: stateOf, facts, nowMs } = asked
  const state = stateOf()
  const known = await state.quarantineRecord(digest)
  if (known !== null && (known.exempt || known.state === 'passed')) return 'released'
  const record = known?.firstSeenMs === undefined ? await seeStored(digest, state, facts) : known
  if (record === undefined) return 'missing'
  return heldBackBy(record, quarantine, nowMs)
}

/** Why the record of a manifest holds it back, or that it is released. */
export function heldBackBy(
  { exempt, state, firstSeenMs }: Pick<QuarantineRecord, 'exempt' | 'state' | 'firstSeenMs'>,
  { releaseAfter }: Quarantine,
  nowMs: number,
): Held | 'released' {
  if (exempt || state === 'passed') return 'released'
  if (state === 'failed' || releaseAfter === undefined || firstSeenMs === undefined) return { state }
  const releasedAtMs = firstSeenMs + releaseAfter * 1000
  return releasedAtMs <= nowMs ? 'released' : { state, releasedAtMs }
}

/** Records a manifest that the registry had before the gate saw it. */
async function seeStored(text: string, state: StateCalls, facts: RegistryFacts): Promise<QuarantineRecord | undefined> {
  const digest = parseDigest(text)
  const manifest = digest.ok ? await facts.manifest({ kind: 'digest', digest: digest.value }) : undefined
  return manifest && state.seeManifest(seen(manifest), manifest.children, 'stored')
}

/** A registry may name it by another algorithm, under which nothing was decided: the record is that of SHA-256. */
const seen = ({ digests, hasSubject }: Manifest) => ({ digest: digests[0], exempt: hasSubject })

function refusal(
  { kind }: Reference,
  { state, releasedAtMs }: Held,
  asked: QuarantinedRequest,
): Promise<Response | Refusal> | Refusal {
  const { quarantine, nowMs, forward, audit } = asked
  const [first] = quarantine.enforced
  if (first === undefined) {
    for (const { name } of quarantine.audited) audit(name)
    return forward()
  }
  const secondsLeft = releasedAtMs === undefined ? undefined : Math.ceil((releasedAtMs - nowMs) / 1000)
  return {
    code: 'quarantined',
    by: kind,
    state,
    rule: { kind: 'protection', id: first.name },
    ...messageOf(first),
    ...(secondsLeft === undefined ? {} : { secondsLeft }),
  }
}

const messageOf = ({ message }: ProtectionData) => (message === undefined ? {} : { message })

/**
 * Sends a push, and records the manifest. It is recorded before the registry has it, so that no pull comes first; a manifest
 * of a trusted pusher is released once the registry has stored it.
 */
export async function pushQuarantined(
  text: string | undefined,
  isTrusted: boolean,
  { state: stateOf, forward, id }: QuarantinedRequest,
  eventOf?: (digest: string, bytes: number) => QuarantineEvent,
): Promise<Response | Refusal> {
  const manifest = text === undefined ? undefined : await readManifest(text)
  if (manifest === undefined) return { code: 'manifest_unreadable' }
  const state = stateOf()
  await state.seeManifest(seen(manifest), manifest.children, 'pushing')
  const answer = await forward(text)
  if (!(answer instanceof Response) || !answer.ok) return answer
  try {
    await state.seeManifest(seen(manifest), manifest.children, isTrusted ? 'trusted' : 'stored')
    if (!isTrusted && eventOf !== undefined) {
      const event = eventOf(manifest.digests[0], new TextEncoder().encode(text).byteLength)
      await state.announce(event.id, JSON.stringify(event))
    }
  } catch (error) {
    // It stays held back, and nobody is told: the same push again releases or announces it.
    logFault(error, id)
  }
  return answer
}

/** Azure's event for a manifest that was pushed into a quarantine. */
export type QuarantineEvent = {
  readonly id: string
  /** RFC 3339. */
  readonly timestamp: string
  readonly action: 'quarantine'
  readonly target: {
    readonly mediaType?: string
    /** Bytes of the manifest, under both names. */
    readonly size: number
    readonly length: number
    readonly digest: string
    readonly repository: string
    /** The first tag of the push; absent for a push by digest alone. */
    readonly tag?: string
  }
  readonly request: { readonly id: string; readonly host: string; readonly method: string }
}

/** Releases or rejects a manifest that the registry has. */
export async function decideQuarantine(
  { digests, children, hasSubject }: Manifest,
  decision: { readonly state: 'passed' | 'failed'; readonly details?: string },
  { state: stateOf, facts }: Pick<QuarantinedRequest, 'state' | 'facts'>,
): Promise<void> {
  const state = stateOf()
  const [digest] = digests
  await state.seeManifest({ digest, exempt: hasSubject }, children, 'stored')
  // A release reaches what the index lists, so that the state has to know all of it.
  const asked = new Set<string>()
  for (;;) {
    const unread = (await state.unreadBelow(digest)).filter((each) => !asked.has(each))
    if (unread.length === 0) break
    for (const each of unread) asked.add(each)
    await state.learnChildren(await facts.childrenOf(unread))
  }
  await state.decideQuarantine({ digest, ...decision })
}
