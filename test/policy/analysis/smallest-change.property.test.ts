import { test } from '@fast-check/vitest'
import { describe, expect } from 'vitest'
import { type AccessQuestion, answer, placeIn } from '../../../src/policy/analysis/access-question.ts'
import { explain } from '../../../src/policy/analysis/explain.ts'
import { applied } from '../../../src/policy/analysis/smallest-change.ts'
import type { Caller } from '../../../src/policy/caller.ts'
import { compile } from '../../../src/policy/compile/compile.ts'
import type { PolicySet } from '../../../src/policy/model.ts'
import { ANONYMOUS, EVERYONE, type PrincipalKey } from '../../../src/policy/principal.ts'
import { policySet, question, request } from '../arbitraries.ts'

const principalOf = ({ authenticated, acts }: Caller): PrincipalKey => acts[0] ?? (authenticated ? EVERYONE : ANONYMOUS)

function holds(policies: PolicySet, who: Caller, asked: AccessQuestion): void {
  const { authorization, changes } = explain(policies, compile(policies), who, principalOf(who), asked)
  expect(authorization).toEqual(answer(placeIn(policies, who), asked))
  if (authorization.effect === 'allow') {
    expect(changes).toBeUndefined()
    return
  }
  expect(changes).toBeDefined()
  let state = { policies, caller: who }
  for (const change of changes ?? []) {
    // Every step counts: before the last one is made, it is still refused.
    expect(answer(placeIn(state.policies, state.caller), asked).effect).toBe('deny')
    state = applied(state, change)
  }
  expect(answer(placeIn(state.policies, state.caller), asked).effect).toBe('allow')
}

describe('the smallest change', () => {
  test.prop([policySet, question], { numRuns: 600 })('makes any refused question allowed', (policies, asked) => {
    holds(policies, asked.caller, { kind: 'permission', question: asked.question })
  })

  test.prop([policySet, request], { numRuns: 600 })('makes any refused request allowed', (policies, asked) => {
    const { request: wanted, facts } = asked
    holds(policies, asked.caller, { kind: 'request', request: wanted, facts })
  })
})
