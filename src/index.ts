/**
 * The engine of Dockgate as a library: reads policy files, decides by them as the gate does, and says why. No network, no
 * clock: times are arguments. The package exports this module as `dockgate`.
 *
 * ```ts
 * const { policies, problems } = await loadPolicies('policies')
 * if (policies === undefined) throw new Error(problems.map(({ message }) => message).join('\n'))
 * const policy = compilePolicy(policies)
 * const now = Math.floor(Date.now() / 1000)
 * decide(policy, { principal: 'token:ci', permission: 'content/write', repository: 'samples/app', now }).effect // 'allow'
 * ```
 *
 * @module
 */

export type { Result } from './base/result.ts'
export { compilePolicy, decide, explain, type Policy, QuestionError, type QuestionProblem } from './engine/engine.ts'
export { type Loaded, loadPolicies } from './engine/load.ts'
export type { PermissionQuestion, PolicyQuestion, RequestQuestion } from './engine/question.ts'
export type { Problem } from './files/problem.ts'
export type { Change, Explanation, Mismatch, NearestGrant, Need } from './policy/analysis/explain.ts'
export type { RulePlace } from './policy/compile/rule.ts'
export type { Authorization } from './policy/decide/authorize.ts'
export type { Rule } from './policy/decide/compiled.ts'
export type { DenyReason } from './policy/decide/decide.ts'
export type { EpochSeconds, PolicySet, Source } from './policy/model.ts'
export { parseRegistryRequest } from './registry/parse.ts'
export type { RequestRefusal } from './registry/refusal.ts'
export type { RegistryRequest } from './registry/request.ts'
