import { test } from '@fast-check/vitest'
import { describe, expect } from 'vitest'
import { answer, type EvaluationContext, placeIn } from '../../../src/policy/analysis/access-question.ts'
import { difference, type Right, type RightChange } from '../../../src/policy/analysis/difference.ts'
import { ANONYMOUS_CALLER, type Caller } from '../../../src/policy/caller.ts'
import { compile } from '../../../src/policy/compile/compile.ts'
import { namePatternCovers } from '../../../src/policy/decide/name-pattern.ts'
import type { PolicySet } from '../../../src/policy/model.ts'
import { ANONYMOUS, EVERYONE, type PrincipalKey } from '../../../src/policy/principal.ts'
import { type Permission, takesRepository } from '../../../src/registry/permission.ts'
import { policySet } from '../arbitraries.ts'

const NOW = 0
/** All beginnings of each other, as in the random policies. */
const NAMES = ['a', 'ab', 'a/b', 'a/bc', 'a/b/c', 'a/b/c/d', 'b', 'b/a', 'c']
const ASKED: readonly Permission[] = ['content/read', 'content/delete', 'catalog/read']

const callerOf = (principal: PrincipalKey): Caller =>
  principal === ANONYMOUS ? ANONYMOUS_CALLER : { authenticated: true, acts: principal === EVERYONE ? [] : [principal] }

function isAllowed(place: EvaluationContext, action: Permission, name: string | undefined) {
  const question = { action, ...(name === undefined ? {} : { repository: name }), attributes: {}, now: NOW }
  return answer(place, { kind: 'permission', question }).effect === 'allow'
}

const reaches = ({ on, except }: RightChange, name: string | undefined): boolean =>
  on === undefined ||
  name === undefined ||
  (namePatternCovers(on, name) && !except.some((pattern) => namePatternCovers(pattern, name)))

const isSure = (right: Right) => (right.always ? right.unless.length === 0 : right.if.length === 0)

function expectTold(older: PolicySet, newer: PolicySet): void {
  const changes = difference(compile(older), compile(newer), NOW, String)
  const named = [...compile(older).principals.keys(), ...compile(newer).principals.keys()]
  const spared = [...older.denyAssignments, ...newer.denyAssignments].flatMap(({ except }) => except)
  for (const principal of new Set([ANONYMOUS, EVERYONE, ...named, ...spared])) {
    const told = principal === ANONYMOUS ? [ANONYMOUS] : [principal, EVERYONE, ANONYMOUS]
    const [before, now] = [placeIn(older, callerOf(principal)), placeIn(newer, callerOf(principal))]
    for (const action of ASKED) {
      for (const name of takesRepository(action) ? NAMES : [undefined]) {
        const was = isAllowed(before, action, name)
        const is = isAllowed(now, action, name)
        const here = changes.filter((change) => change.action === action && reaches(change, name))
        if (was !== is) expect(here.filter((change) => told.includes(change.principal))).not.toEqual([])
        for (const change of here.filter((candidate) => candidate.principal === principal)) {
          if (isSure(change.was)) expect(was).toBe(change.was.always)
          if (isSure(change.is)) expect(is).toBe(change.is.always)
        }
      }
    }
  }
}

describe('the difference of two policies', { timeout: 60_000 }, () => {
  test.prop([policySet, policySet], { numRuns: 80 })('is what their decisions differ in', expectTold)

  test.prop([policySet], { numRuns: 400 })('is that too where a deny spares nobody any more', (older) => {
    expectTold(older, { ...older, denyAssignments: older.denyAssignments.map((deny) => ({ ...deny, except: [] })) })
  })

  test.prop([policySet], { numRuns: 50 })('is nothing between a policy and itself', (policies) => {
    expect(difference(compile(policies), compile(policies), NOW, String)).toEqual([])
  })
})
