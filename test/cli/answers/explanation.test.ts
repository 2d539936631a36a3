import { describe, expect, it } from 'vitest'
import type { Result } from '../../../src/base/result.ts'
import { formatChanges, formatNearest } from '../../../src/cli/answers/explanation.ts'
import { Policies } from '../../../src/cli/answers/policies.ts'
import { loadPolicies } from '../../../src/files/load.ts'
import { callerOfPrincipal } from '../../../src/identity/named-caller.ts'
import { nearIdentities } from '../../../src/identity/near-identity.ts'
import { type AccessQuestion, answer, placeIn } from '../../../src/policy/analysis/access-question.ts'
import { explain } from '../../../src/policy/analysis/explain.ts'
import { applied } from '../../../src/policy/analysis/smallest-change.ts'
import { parsePrincipal, principalKey } from '../../../src/policy/principal.ts'
import { parseRepositoryName } from '../../../src/registry/name.ts'
import { parseRegistryRequest } from '../../../src/registry/parse.ts'
import { parseAction } from '../../../src/registry/permission.ts'
import cases from '../fixtures/explanations.json' with { type: 'json' }

type Case = {
  policies: string
  principal: string
  /** `content/read samples/app`, or `GET /v2/…`. */
  ask: string
  given?: { at?: string; ip?: string; claim?: Record<string, string> }
  reason: string
  nearest: string | null
  change: string
}

function valid<T>(result: Result<T, unknown>): T {
  if (!result.ok) throw new Error(`the case is not valid: ${JSON.stringify(result.error)}`)
  return result.value
}

async function open(folder: string): Promise<Policies> {
  const { policies, problems } = await loadPolicies(`${import.meta.dirname}/../fixtures/${folder}`)
  if (policies === undefined) throw new Error(JSON.stringify(problems))
  return new Policies(folder, policies, [])
}

const folders = new Map([
  ['explain', await open('explain')],
  ['legacy', await open('legacy')],
])

function askedIn({ ask, given = {} }: Case): AccessQuestion {
  const [first = '', second] = ask.split(' ')
  const now = Date.parse(given.at ?? '2026-09-01T00:00:00Z') / 1000
  const known = given.ip === undefined ? {} : { clientIp: given.ip }
  if (second?.startsWith('/') === true) {
    return { kind: 'request', request: valid(parseRegistryRequest(first, second)), facts: { ...known, now } }
  }
  const repository = second === undefined ? {} : { repository: valid(parseRepositoryName(second)) }
  const attributes = { ...known, claims: given.claim ?? {} }
  return { kind: 'permission', question: { action: valid(parseAction(first)), ...repository, attributes, now } }
}

describe('a refusal is explained', () => {
  it.each(cases as Case[])('$principal: $ask', (row) => {
    const policies = folders.get(row.policies)
    if (policies === undefined) throw new Error(`no folder ${row.policies}`)
    const principal = valid(parsePrincipal(row.principal))
    const caller = callerOfPrincipal(principal, { claims: row.given?.claim ?? {} }, policies.common)
    const asked = askedIn(row)
    const key = principalKey(principal)
    const near = nearIdentities(principal, { claims: row.given?.claim ?? {} }, policies.common.identities)
    const explanation = explain(policies.set, policies.compiled, caller, key, asked, near)
    const { authorization, nearest, changes = [] } = explanation
    expect(authorization).toMatchObject({ effect: 'deny', reason: { code: row.reason } })
    expect(nearest === undefined ? null : formatNearest(policies, nearest, key)).toBe(row.nearest)
    expect(formatChanges(policies, changes)).toBe(row.change)
    const changed = changes.reduce(applied, { policies: policies.set, caller })
    expect(answer(placeIn(changed.policies, changed.caller), asked).effect).toBe('allow')
  })

  it('covers every kind of lack and of change', () => {
    const all = JSON.stringify(cases)
    const words = [
      'from 2026',
      'until 2026',
      'not met',
      'on samples/*',
      'covers it',
      'nothing in abac',
      'grants it to',
      'wanted refs',
    ]
    const verbs = ['sign in', 'set status', 'to scope map', 'set scopeMap', 'define token:', 'to registry.anonymous']
    const more = ['assign the role', 'define the role', 'set notBefore', 'set notAfter', 'to except of', 'come as']
    for (const text of [...words, ...verbs, ...more]) expect(all).toContain(text)
    expect(cases.length).toBeGreaterThanOrEqual(50)
  })
})
