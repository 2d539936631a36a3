/** Decides questions about a policy set, as the gate and the command do, from one compiled policy. */
import { callerOfPrincipal } from '../identity/named-caller.ts'
import { nearIdentities } from '../identity/near-identity.ts'
import { answer } from '../policy/analysis/access-question.ts'
import { type Explanation, explain as explainAsked } from '../policy/analysis/explain.ts'
import { compile } from '../policy/compile/compile.ts'
import { type RulePlace, rulePlaces } from '../policy/compile/rule.ts'
import type { Authorization } from '../policy/decide/authorize.ts'
import { type CompiledPolicy, formatRule, type Rule } from '../policy/decide/compiled.ts'
import { type Common, effectiveRightsOf, indexCommon, indexPrincipal } from '../policy/decide/effective-rights.ts'
import type { PolicySet } from '../policy/model.ts'
import { principalKey } from '../policy/principal.ts'
import { type PolicyQuestion, readQuestion } from './question.ts'

export { QuestionError, type QuestionProblem } from './question.ts'

/** A policy set that is ready for questions. */
export class Policy {
  /** What it was compiled from. */
  readonly policies: PolicySet
  /** @internal */
  readonly compiled: CompiledPolicy
  /** @internal */
  readonly common: Common
  readonly #places: ReadonlyMap<string, RulePlace>

  /** @internal */
  constructor(policies: PolicySet) {
    this.policies = policies
    this.compiled = compile(policies)
    this.common = indexCommon(this.compiled.common)
    this.#places = rulePlaces(policies)
  }

  /** The name of a rule as its author knows it, with its place in the policy files; built-in rules have no place. */
  placeOf(rule: Rule): RulePlace {
    const { name, source } = this.#places.get(formatRule(rule)) ?? { name: rule.id }
    return source === undefined ? { name } : { name, source }
  }
}

/**
 * Compiles a policy set: roles, wildcards and the mode of the registry become permissions that are looked up by name. It
 * takes about 8 seconds and 2 GiB for a million role assignments, and a fraction in proportion for fewer.
 *
 * @param policies of {@link loadPolicies}: a set that it returned is valid
 */
export const compilePolicy = (policies: PolicySet): Policy => new Policy(policies)

/**
 * Decides one question. Deny is the default, an explicit deny wins over every grant, and a condition that cannot be
 * evaluated grants nothing.
 *
 * @returns `allow` with the rule that granted it, absent where no permission is needed; or `deny` with the reason
 * @throws {@link QuestionError} when the question names no principal, permission, repository, tag or address
 */
export function decide(policy: Policy, question: PolicyQuestion): Authorization {
  const { principal, extras, asked } = readQuestion(question)
  const { common, compiled } = policy
  const caller = callerOfPrincipal(principal, extras, common)
  const own = caller.acts.flatMap((key) => {
    const data = compiled.principals.get(key)
    return data === undefined ? [] : [indexPrincipal(data)]
  })
  return answer({ rights: effectiveRightsOf(caller, common, own), common, compiled }, asked)
}

/**
 * Decides one question and says why: everything that it needs, and for a refusal the rule that comes nearest to granting
 * it and the smallest change that would. Slower than {@link decide}, which makes the same decision.
 *
 * @throws {@link QuestionError} as {@link decide} does
 */
export function explain(policy: Policy, question: PolicyQuestion): Explanation {
  const { principal, extras, asked } = readQuestion(question)
  const { common } = policy
  const caller = callerOfPrincipal(principal, extras, common)
  const near = nearIdentities(principal, extras, common.identities)
  return explainAsked(policy.policies, policy.compiled, caller, principalKey(principal), asked, near)
}
