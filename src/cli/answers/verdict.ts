/**
 * A decision as the command line tells it: as JSON for machines, as one line and what lies behind it for people.
 */
import type { ContentVerdict } from '../../policy/analysis/content-verdict.ts'
import type { Authorization } from '../../policy/decide/authorize.ts'
import type { DenyReason } from '../../policy/decide/decide.ts'
import type { RequestRefusal } from '../../registry/refusal.ts'
import * as output from '../terminal/output.ts'
import { formatPlace, type Policies, type RuleReference } from './policies.ts'

/** A decision in the words of a policy folder. */
export type Verdict = {
  readonly decision: 'allow' | 'deny'
  readonly by: readonly RuleReference[]
  readonly reason?: {
    readonly code: string
    readonly permission?: string
    readonly repository?: string
    readonly message?: string
    /** The deny is about a group or an identity that the caller may be. */
    readonly membership?: 'unknown'
  }
  /** What is odd about the question. */
  readonly notes?: readonly string[]
}

/** The same verdict with notes; without notes the verdict itself. */
export const withNotes = (verdict: Verdict, notes: readonly string[]): Verdict =>
  notes.length === 0 ? verdict : { ...verdict, notes: [...(verdict.notes ?? []), ...notes] }

/** The lines below an explanation. */
export const noteLines = (notes: readonly string[]): readonly string[] => notes.map((note) => `  note     ${note}`)

const ALLOWED_TO_ANYBODY_KNOWN = 'needs no permission, only a credential'

const SIGNATURES_ONLY = 'sign/write pushes signatures alone: the gate reads the manifest, and refuses any other'

/** A decision as a verdict: its rules get the names and the places of the policy folder. */
export function verdictOf(policies: Policies, decision: Authorization): Verdict {
  if (decision.effect === 'allow') {
    const by = decision.by === undefined ? [] : [policies.reference(decision.by)]
    return { decision: 'allow', by, ...(decision.signatureOnly === true ? { notes: [SIGNATURES_ONLY] } : {}) }
  }
  const { reason } = decision
  switch (reason.code) {
    case 'authentication_required':
    case 'token_disabled':
      return { decision: 'deny', by: [], reason: { code: reason.code } }
    case 'no_grant':
    case 'deny_assignment': {
      const { code, action: permission, repository } = reason
      return {
        decision: 'deny',
        by: reason.code === 'deny_assignment' ? [policies.reference(reason.rule)] : [],
        reason: {
          code,
          permission,
          ...(repository === undefined ? {} : { repository }),
          ...(reason.code === 'deny_assignment' ? doubtOf(reason) : {}),
        },
      }
    }
  }
}

const doubtOf = ({ message, membership }: Extract<DenyReason, { code: 'deny_assignment' }>) => ({
  ...(message === undefined ? {} : { message }),
  ...(membership === undefined ? {} : { membership }),
})

/**
 * The verdict about a request, after what protections say of it. Where only the registry knows, a note says what it depends
 * on.
 */
export function withProtections(policies: Policies, verdict: Verdict, content: ContentVerdict): Verdict {
  if (verdict.decision === 'deny' || content.effect === 'allow') return verdict
  const rule = policies.reference(content.rule)
  if (content.effect === 'depends') {
    const note = `${formatReference(rule)} refuses it if ${content.condition}`
    return { ...verdict, notes: [...(verdict.notes ?? []), note] }
  }
  const { message } = content
  const reason = { code: content.code, ...(message === undefined ? {} : { message }) }
  return { ...verdict, decision: 'deny', by: [rule], reason }
}

/** What the request's own parser refuses is refused to everybody. */
export const refusedRequest = (refusal: RequestRefusal): Verdict => ({
  decision: 'deny',
  by: [],
  reason: { code: 'not_a_registry_request', message: refusal.message },
})

const KINDS: Readonly<Record<RuleReference['kind'], string>> = {
  scopeMap: 'scope map',
  anonymous: 'rule',
  roleAssignment: 'role assignment',
  denyAssignment: 'deny assignment',
  protection: 'protection',
}

/** A rule as text: `scope map ci (policies/build.yaml:10)`. */
export const formatReference = ({ kind, name, source }: RuleReference): string =>
  `${KINDS[kind]} ${name}${source === undefined ? '' : ` (${formatPlace(source)})`}`

const MEMBERSHIP_UNKNOWN =
  ', since the claims do not say whether the caller is one of those that it names (add --claim, --group or --no-groups)'

/** Why, in one line; `who` is the principal as it was asked for. */
export function reasonText(who: string, { decision, by, reason }: Verdict): string {
  const [rule] = by
  if (decision === 'allow') return rule === undefined ? ALLOWED_TO_ANYBODY_KNOWN : `by ${formatReference(rule)}`
  const where = reason?.repository === undefined ? '' : ` on ${reason.repository}`
  switch (reason?.code) {
    case 'deny_assignment':
      return `${reason.permission}${where} is denied by ${rule === undefined ? 'a rule' : formatReference(rule)}${
        reason.membership === undefined ? '' : MEMBERSHIP_UNKNOWN
      }${reason.message === undefined ? '' : `: ${reason.message}`}`
    case 'write_once':
    case 'quarantined': {
      const effect = reason.code === 'quarantined' ? 'holds the manifest back' : 'keeps what this changes'
      const text = `${rule === undefined ? 'a protection' : formatReference(rule)} ${effect}`
      return reason.message === undefined ? text : `${text}: ${reason.message}`
    }
    case 'token_disabled':
      return `${who} is disabled`
    case 'authentication_required':
      return 'callers without a credential may not'
    case 'not_a_registry_request':
      return `not a registry request: ${reason.message}`
    default:
      return `${who} has no ${reason?.permission}${where}`
  }
}

/**
 * Print a verdict. Scripts read one word on standard output; the reason follows it on a terminal, and else on
 * standard error.
 */
export function printVerdict(who: string, verdict: Verdict, asJson: boolean, details: readonly string[] = []): void {
  process.exitCode = verdict.decision === 'allow' ? 0 : 1
  if (asJson) {
    output.json('can', verdict)
    return
  }
  const word = output.outStyle(verdict.decision === 'allow' ? 'green' : 'red', verdict.decision)
  const why = reasonText(who, verdict)
  if (output.isTerminal('stdout')) {
    output.out(`${word}  ${why}`)
  } else {
    output.out(verdict.decision)
    output.note(why)
  }
  output.note(details)
}
