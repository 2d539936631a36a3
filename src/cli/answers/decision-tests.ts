/** Runs the decision tests of a policy set against it. */
import type { DecisionTest } from '../../files/decision-test.ts'
import type { Reason } from '../../files/definition.ts'
import { formatSource } from '../../files/problem.ts'
import { contentVerdict } from '../../policy/analysis/content-verdict.ts'
import { authorize } from '../../policy/decide/authorize.ts'
import { decide } from '../../policy/decide/decide.ts'
import type { Attributes } from '../../policy/model.ts'
import { principalKey } from '../../policy/principal.ts'
import { parseRegistryRequest } from '../../registry/parse.ts'
import * as output from '../terminal/output.ts'
import { type Policies, placeIn } from './policies.ts'
import { reasonText, refusedRequest, type Verdict, verdictOf, withProtections } from './verdict.ts'

/** A decision test and how it ended. */
export type TestOutcome = {
  readonly test: DecisionTest
  readonly passed: boolean
  /** What was decided, in words; for a failed test what was expected besides. */
  readonly message: string
}

/** Tests that do not decide as they say, of all that a policy set has. */
export const failingTests = (policies: Policies, now: number): readonly TestOutcome[] =>
  policies.tests.map((test) => runTest(policies, test, now)).filter(({ passed }) => !passed)

/** A failing test as a person reads it: `policies/a.test.yaml:3:5: test failed: …`. */
export const formatFailure = (directory: string, { test, message }: TestOutcome): string =>
  `${formatSource(placeIn(directory, test.source))}: ${output.noteStyle('red', 'test failed:')} ${message}`

const NOT_A_REQUEST: Reason = 'not_a_registry_request'

/** @param now for tests that name no time, in seconds since the epoch */
export function runTest(policies: Policies, test: DecisionTest, now: number): TestOutcome {
  const verdict = evaluateTest(policies, test, now)
  const who = principalKey(test.as)
  const isExpected = verdict.decision === test.expect
  // A misspelt method or path is denied for what it is, which says nothing about the policies.
  const isNonsense = verdict.reason?.code === NOT_A_REQUEST && test.reason !== NOT_A_REQUEST
  const isReason = !isNonsense && (test.reason === undefined || verdict.reason?.code === test.reason)
  const got = `${verdict.decision}: ${reasonText(who, verdict)}`
  if (isExpected && isReason) return { test, passed: true, message: got }
  if (isExpected && test.reason === undefined) {
    return { test, passed: false, message: `${got}; mend the request, or add reason: ${NOT_A_REQUEST}` }
  }
  const wanted = isExpected ? `reason ${test.reason}, got ${verdict.reason?.code ?? 'none'}` : test.expect
  return { test, passed: false, message: `expected ${wanted}; got ${got}` }
}

function evaluateTest(policies: Policies, test: DecisionTest, now: number): Verdict {
  const { as, question, tag, ip, at = now, claims, groups } = test
  const rights = policies.rights(as, { claims, ...(groups === undefined ? {} : { groups }) })
  const facts = { now: at, ...(ip === undefined ? {} : { clientIp: ip }) }
  if (question.kind === 'request') {
    const request = parseRegistryRequest(question.method, question.path)
    if (!request.ok) return refusedRequest(request.error)
    const verdict = verdictOf(policies, authorize(rights, policies.common, request.value, facts))
    const { tagExists = null, quarantine = 'pending' } = test
    const content = contentVerdict(policies.common, rights, request.value, facts, { tagExists, quarantine })
    return withProtections(policies, verdict, content)
  }
  const { now: _, ...known } = facts
  const attributes: Attributes = { ...known, claims, ...(tag === undefined ? {} : { tag }) }
  const { action, repository } = question
  const about = { action, ...(repository === undefined ? {} : { repository }), attributes, now: at }
  return verdictOf(policies, decide(rights, about))
}
