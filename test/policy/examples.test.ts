/** The policies that come with the project: they load without a remark, and decide as the tests next to them say. */
import { describe, expect, it } from 'vitest'
import { runTest } from '../../src/cli/answers/decision-tests.ts'
import { Policies } from '../../src/cli/answers/policies.ts'
import { loadPolicies } from '../../src/files/load.ts'
import { exampleFolder } from '../support/examples.ts'

const { policies, tests, problems } = await loadPolicies(exampleFolder())
if (policies === undefined) throw new Error(`the example policies have errors: ${JSON.stringify(problems)}`)
const examples = new Policies('policies', policies, tests)
/** 2030-04-15: while the pilot of the fleet lasts. */
const NOW = 1_902_441_600

describe('the example policies', () => {
  it('load without a problem', () => expect(problems).toEqual([]))

  it('keep no credentials: secrets are made where the policies are used', () =>
    expect(policies.tokens.flatMap(({ credentials }) => credentials)).toEqual([]))

  it('show every kind of principal and rule', () => {
    const kinds = [...policies.roleAssignments, ...policies.denyAssignments].flatMap((rule) =>
      'principal' in rule ? [rule.principal] : rule.principals,
    )
    for (const kind of ['token:', 'identity:', 'group:', 'everyone']) {
      expect(kinds.filter((key) => key.startsWith(kind))).not.toEqual([])
    }
    expect(policies.registry.anonymous).not.toEqual([])
    expect(policies.tokens.some(({ status }) => status === 'disabled')).toBe(true)
  })

  it('refuse in their tests more than they allow', () => {
    const refusals = tests.filter((test) => test.expect === 'deny')
    expect(refusals.length).toBeGreaterThan(tests.length / 2)
  })

  it.each(tests.map((test) => [`${test.source.file}:${test.source.line}`, test] as const))('%s', (_, test) => {
    const { passed, message } = runTest(examples, test, NOW)
    expect(passed, message).toBe(true)
  })
})
