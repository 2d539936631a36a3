/** What holding a request to protections, to locks and to attributes needs: the state of the repository, and facts of the registry. */
import type { Common } from '../../policy/decide/effective-rights.ts'
import type { RepositoryName } from '../../registry/name.ts'
import { requestOrigin } from '../../registry/parse.ts'
import type { ForwardContext } from '../forward/forward.ts'
import type { Env } from '../platform/env.ts'
import { RegistryFacts } from './registry-facts.ts'
import type { StateCalls } from './state/calls.ts'
import { objectNameOf, stateOf } from './state-client.ts'

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

/** One repository, for one request. */
export type ProtectedRepository = {
  readonly name: RepositoryName
  readonly forwarding: ForwardContext
  /** The state of the repository. Throws Fault `state_unavailable` without the binding `STATE`. */
  readonly state: () => StateCalls
  readonly facts: RegistryFacts
  readonly nowMs: number
  readonly id: string
  readonly audit: (protection: string) => void
}

/** The repository of a request. */
export function protectedRepository(
  name: RepositoryName,
  { env, nowMs, id, context, audit }: GuardPorts,
): ProtectedRepository {
  const forwarding = context()
  const { upstream } = forwarding
  return {
    name,
    forwarding,
    nowMs,
    id,
    audit,
    state: () => stateOf(env, objectNameOf(upstream, name)),
    facts: new RegistryFacts(name, upstream),
  }
}

/** The host under which clients reach the gate. */
export const hostOf = ({ settings, url }: ForwardContext): string =>
  new URL(settings.publicUrl ?? requestOrigin(url)).host
