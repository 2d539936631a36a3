import { test } from '@fast-check/vitest'
import { describe, expect } from 'vitest'
import { answer, placeIn } from '../../../src/policy/analysis/access-question.ts'
import type { DenyEffect } from '../../../src/policy/analysis/deny-effect.ts'
import { type WhoCan, whoCan } from '../../../src/policy/analysis/who-can.ts'
import { ANONYMOUS_CALLER, type Caller } from '../../../src/policy/caller.ts'
import { compile } from '../../../src/policy/compile/compile.ts'
import { namePatternCovers } from '../../../src/policy/decide/name-pattern.ts'
import { ANONYMOUS, EVERYONE, type PrincipalKey } from '../../../src/policy/principal.ts'
import { takesRepository } from '../../../src/registry/permission.ts'
import { policySet, question } from '../arbitraries.ts'
import { NAMES } from '../pools.ts'

type Claim = 'yes' | 'perhaps' | 'no'

/** What a reader of the list takes from it for one principal and one repository. */
function claimOf({ holders, except }: WhoCan, principal: PrincipalKey, name: string | undefined): Claim {
  const reaches = ({ on }: DenyEffect) =>
    on === undefined || on.some((pattern) => namePatternCovers(pattern, name ?? ''))
  const listed = (key: PrincipalKey, readers: readonly PrincipalKey[]): Claim => {
    const holder = holders.find((candidate) => candidate.principal === key)
    const by = holder?.by.filter(({ on }) => on === undefined || namePatternCovers(on, name ?? '')) ?? []
    const taken = [...(holder?.unless ?? []), ...except.filter((one) => readers.includes(one.principal))].filter(
      reaches,
    )
    if (by.length === 0 || taken.some((deny) => isTotal(deny))) return 'no'
    return taken.length === 0 && by.some(({ when }) => when === undefined) ? 'yes' : 'perhaps'
  }
  const isEverybody = principal === ANONYMOUS || principal === EVERYONE
  const claims = [
    listed(principal, []),
    ...(isEverybody ? [] : [listed(EVERYONE, [principal])]),
    ...(principal === ANONYMOUS ? [] : [listed(ANONYMOUS, [principal, EVERYONE])]),
  ]
  return claims.find((claim) => claim === 'yes') ?? claims.find((claim) => claim === 'perhaps') ?? 'no'
}

const isTotal = ({ when, except }: DenyEffect) => when === undefined && except === undefined

const callerOf = (principal: PrincipalKey, ...more: readonly PrincipalKey[]): Caller =>
  principal === ANONYMOUS
    ? ANONYMOUS_CALLER
    : { authenticated: true, acts: principal === EVERYONE ? [] : [principal, ...more] }

/** Principals that one caller can be together. */
const TOGETHER = ['subject:e/u', 'group:e/g', 'group:e/h'] as const

describe('who-can agrees with the decision', { timeout: 60_000 }, () => {
  test.prop([policySet, question], { numRuns: 500 })('for every principal of the policy', (policies, { question }) => {
    const { action, repository, attributes, now } = question
    const compiled = compile(policies)
    const { everyTag: _, claims: __, ...known } = attributes
    const names = !takesRepository(action) ? [undefined] : repository === undefined ? NAMES : [repository]
    const found = whoCan(compiled, { action, now, ...(repository === undefined ? {} : { repository }) })
    const isAllowed = (caller: Caller, name: string | undefined) => {
      const asked = { ...question, ...(name === undefined ? {} : { repository: name }), attributes: known }
      return answer(placeIn(policies, caller), { kind: 'permission', question: asked }).effect === 'allow'
    }
    const spared = policies.denyAssignments.flatMap(({ except }) => except)
    const keys = new Set([ANONYMOUS, EVERYONE, ...compiled.principals.keys(), ...spared])
    for (const name of names) {
      for (const principal of keys) {
        if (compiled.principals.get(principal)?.token?.status === 'disabled') continue
        const claim = claimOf(found, principal, name)
        if (isAllowed(callerOf(principal), name)) expect(claim).not.toBe('no')
        else expect(claim).not.toBe('yes')
      }
      // Anyone who may as several at once is listed as one of them.
      for (const [index, principal] of TOGETHER.entries()) {
        const acts = [...TOGETHER.slice(0, index), ...TOGETHER.slice(index + 1)] as PrincipalKey[]
        const all = [principal as PrincipalKey, ...acts]
        if (isAllowed(callerOf(principal as PrincipalKey, ...acts), name)) {
          expect(all.map((key) => claimOf(found, key, name))).not.toEqual(['no', 'no', 'no'])
        }
      }
    }
  })
})
