/** Refusals of a log in groups: who was refused what, why, how often, and the smallest change of the policies that would allow it. */
import { callerOfPrincipal } from '../../identity/named-caller.ts'
import { explain } from '../../policy/analysis/explain.ts'
import { parsePrincipal, principalKey } from '../../policy/principal.ts'
import { parseRepositoryName } from '../../registry/name.ts'
import { parseAction } from '../../registry/permission.ts'
import { explanationJson } from '../answers/explanation.ts'
import type { Policies } from '../answers/policies.ts'
import type { AuditRecord } from '../answers/record.ts'

/** Refusals with the same principal, reason, permission and repository. */
export type RefusalGroup = {
  readonly principal?: string
  readonly reason: string
  readonly permission?: string
  readonly repository?: string
  readonly requests: number
  /** When the last one came, RFC 3339. */
  readonly last: string
  /** The smallest change that would allow it; absent where no policy helps, or none was read. */
  readonly change?: string
}

/** Groups refusals as they come. The number of groups is bounded by what callers ask for, not by the size of the log. */
export class Refusals {
  readonly #groups = new Map<string, RefusalGroup>()

  add({ principal, reason, permission, repository, decision, time }: AuditRecord): void {
    if (decision !== 'deny' || reason === undefined) return
    const key = JSON.stringify([principal, reason, permission, repository])
    const known = this.#groups.get(key)
    const last = known === undefined || time > known.last ? time : known.last
    this.#groups.set(key, {
      ...(principal === undefined ? {} : { principal }),
      reason,
      ...(permission === undefined ? {} : { permission }),
      ...(repository === undefined ? {} : { repository }),
      requests: (known?.requests ?? 0) + 1,
      last,
    })
  }

  /** The groups, the most frequent first. */
  groups(policies: Policies | undefined): readonly RefusalGroup[] {
    const sorted = [...this.#groups.values()].sort((a, b) => b.requests - a.requests || (a.last < b.last ? 1 : -1))
    if (policies === undefined) return sorted
    return sorted.map((group) => {
      const change = changeFor(group, policies)
      return change === undefined ? group : { ...group, change }
    })
  }
}

/** What policy refuses, a change of the policy may allow. */
const OF_POLICY: ReadonlySet<string> = new Set(['no_grant', 'deny_assignment', 'authentication_required'])

function changeFor({ principal, reason, permission, repository, last }: RefusalGroup, policies: Policies) {
  const who = parsePrincipal(principal ?? '')
  const action = parseAction(permission ?? '')
  const name = repository === undefined ? undefined : parseRepositoryName(repository)
  if (!OF_POLICY.has(reason) || !who.ok || !action.ok || name?.ok === false) return undefined
  const at = Date.parse(last)
  const question = {
    action: action.value,
    ...(name === undefined ? {} : { repository: name.value }),
    attributes: {},
    now: Math.floor((Number.isFinite(at) ? at : Date.now()) / 1000),
  }
  const asked = { kind: 'permission', question } as const
  const caller = callerOfPrincipal(who.value, {}, policies.common)
  const explanation = explain(policies.set, policies.compiled, caller, principalKey(who.value), asked)
  return explanationJson(policies, explanation).change?.text
}
