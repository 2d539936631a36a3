import { test } from '@fast-check/vitest'
import { describe, expect } from 'vitest'
import { answer, placeIn } from '../../src/policy/asked.ts'
import { ANONYMOUS_CALLER, type Caller } from '../../src/policy/caller.ts'
import { compile } from '../../src/policy/compile.ts'
import { ANONYMOUS, EVERYONE, type PrincipalKey } from '../../src/policy/principal.ts'
import { whoCan } from '../../src/policy/who-can.ts'
import { takesRepository } from '../../src/registry/permission.ts'
import { policySet, question } from '../policy/arbitraries.ts'

function callerOf(principal: PrincipalKey): Caller {
  if (principal === ANONYMOUS) return ANONYMOUS_CALLER
  return { authenticated: true, acts: principal === EVERYONE ? [] : [principal] }
}

describe('who-can agrees with the decision', () => {
  test.prop([policySet, question], { numRuns: 500 })('for every principal of the policy', (policies, { question }) => {
    const { action, repository, attributes, now } = question
    if (takesRepository(action) && repository === undefined) return
    const compiled = compile(policies)
    const { holders, except } = whoCan(compiled, { action, now, ...(repository === undefined ? {} : { repository }) })
    const listed = new Map(holders.map((holder) => [holder.principal, holder]))
    const { everyTag: _, claims: __, ...known } = attributes
    for (const principal of [ANONYMOUS, EVERYONE, ...compiled.principals.keys()]) {
      const asked = { kind: 'permission', question: { ...question, attributes: known } } as const
      const isAllowed = answer(placeIn(policies, callerOf(principal)), asked).effect === 'allow'
      // Whoever may is listed, alone or with everybody.
      const inherits = principal === ANONYMOUS ? [] : principal === EVERYONE ? [ANONYMOUS] : [EVERYONE, ANONYMOUS]
      const places = [principal, ...inherits].filter((key) => listed.has(key))
      if (isAllowed) expect(places).not.toEqual([])
      if (isAllowed) expect(except.map((exception) => exception.principal)).not.toContain(principal)
      // Whoever is listed without any condition may.
      const holder = listed.get(principal)
      if (holder?.unless.length === 0 && holder.by.some(({ when }) => when === undefined)) expect(isAllowed).toBe(true)
      if (except.some((exception) => exception.principal === principal)) expect(isAllowed).toBe(false)
    }
  })
})
