/**
 * Two evaluators, one answer: compiled policies decide as the literal reading of the documents does. `DOCKGATE_CASES`
 * sets how many questions are asked (default 100,000); `DOCKGATE_SEED` repeats a run.
 */
import { fc } from '@fast-check/vitest'
import { afterAll, describe, expect, it } from 'vitest'
import type { Caller } from '../../src/policy/caller.ts'
import { authorize, mayReadBlob } from '../../src/policy/decide/authorize.ts'
import { formatRule } from '../../src/policy/decide/compiled.ts'
import { type Decision, decide } from '../../src/policy/decide/decide.ts'
import type { PolicySet, Question } from '../../src/policy/model.ts'
import { policySet, question, request } from './arbitraries.ts'
import { open } from './open.ts'
import { NAMES } from './pools.ts'
import {
  attributesOf,
  grantingRules,
  isAboutRepositories,
  requestVerdict,
  speaksOfName,
  type Verdict,
  verdict,
} from './reference.ts'

const CASES = Number(process.env.DOCKGATE_CASES ?? 100_000)
const WANTED = process.env.DOCKGATE_SEED ?? '20261121'
const SEED = WANTED === 'random' ? Date.now() % 0x7fff_ffff : Number(WANTED)
/** Compiling costs more than asking, so every policy set is asked much. */
const QUESTIONS = 24
const REQUESTS = 8

const RUN = {
  numRuns: Math.ceil(CASES / (QUESTIONS + REQUESTS)),
  seed: SEED,
  endOnFailure: process.env.DOCKGATE_SHRINK === 'no',
}

/** How often each answer was given: a test that only ever hears one proves nothing. */
const answers = new Map<string, number>()
const count = (answer: string) => answers.set(answer, (answers.get(answer) ?? 0) + 1)

const codeOf = (answer: Answer) => (answer.effect === 'allow' ? 'allow' : answer.reason.code)

type Answer = Decision | ReturnType<typeof authorize>

/** The same effect for the same reason, by a rule that the other evaluator knows to apply. */
function compare(actual: Answer, expected: Verdict): void {
  const code = codeOf(actual)
  count(code)
  expect(code).toBe(expected.effect === 'allow' ? 'allow' : expected.code)
  if (actual.effect === 'allow') {
    const by = actual.by === undefined ? [] : [formatRule(actual.by)]
    if (expected.effect === 'allow') expect(expected.by).toEqual(expect.arrayContaining(by))
  } else if (actual.reason.code === 'deny_assignment' && 'by' in expected) {
    expect(expected.by).toContain(formatRule(actual.reason.rule))
  }
}

/**
 * A question about every repository at once may be allowed only by a rule that grants each of them. It must be allowed
 * by one that does and does not speak of names.
 */
function compareUnnamed(actual: Answer, policies: PolicySet, caller: Caller, asked: Question): void {
  const { roleAssignments } = policies
  const nameless = { ...policies, roleAssignments: roleAssignments.filter((rule) => !speaksOfName(rule)) }
  const expected = verdict(nameless, caller, asked)
  if (actual.effect === 'deny' || (expected.effect === 'deny' && expected.code !== 'no_grant')) {
    compare(actual, expected)
    return
  }
  const each = [...NAMES, 'z', 'z/z'].map((repository) => grantingRules(policies, caller, { ...asked, repository }))
  compare(actual, { effect: 'allow', by: each.reduce((all, rules) => all.filter((rule) => rules.includes(rule))) })
}

describe('two evaluators', () => {
  it(`agree on ${CASES} questions`, { timeout: 60_000 + CASES }, () => {
    const property = fc.property(
      policySet,
      fc.array(question, { minLength: QUESTIONS, maxLength: QUESTIONS }),
      fc.array(request, { minLength: REQUESTS, maxLength: REQUESTS }),
      (policies, questions, requests) => {
        const { common, rights } = open(policies)
        for (const { caller, question } of questions) {
          const actual = decide(rights(caller), question)
          if (isAboutRepositories(question) && question.repository === undefined) {
            compareUnnamed(actual, policies, caller, question)
          } else compare(actual, verdict(policies, caller, question))
        }
        for (const { caller, request, facts } of requests) {
          const actual = authorize(rights(caller), common, request, facts)
          if (request.operation === 'metadata' && request.path.endsWith('/_query')) {
            const attributes = attributesOf(request, caller, facts)
            compareUnnamed(actual, policies, caller, { action: 'metadata/read', attributes, now: facts.now })
          } else compare(actual, requestVerdict(policies, caller, request, facts))
          if (!('digest' in request) || request.digest === undefined) continue
          const { name, digest } = request
          const pull = { operation: 'pullBlob', method: 'GET', name, digest } as const
          const expected = requestVerdict(policies, caller, pull, facts).effect
          expect(mayReadBlob(rights(caller), name, digest, facts)).toBe(expected === 'allow')
        }
      },
    )
    fc.assert(property, RUN)
  })

  afterAll(() => {
    const total = [...answers.values()].reduce((sum, times) => sum + times, 0)
    console.log(`seed ${SEED}: ${total} decisions`, Object.fromEntries(answers))
  })
})

describe('the questions', () => {
  it.each([['allow'], ['no_grant'], ['deny_assignment'], ['token_disabled'], ['authentication_required']])(
    'are answered %s often enough to tell',
    (answer) => expect(answers.get(answer) ?? 0).toBeGreaterThan(CASES / 2000),
  )
})
