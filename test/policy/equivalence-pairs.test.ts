/**
 * Two evaluators, one answer, where chance would seldom ask: every pair of values that an operator could confuse, every
 * combination of outcomes that `AND`, `OR` and `NOT` could confuse; as a grant and as a deny, for one tag and for all.
 */
import { describe, expect, it, vi } from 'vitest'
import { BUILT_IN_ROLES } from '../../src/policy/azure/built-in-roles.ts'
import type { Caller } from '../../src/policy/caller.ts'
import { mayReadBlob } from '../../src/policy/decide/authorize.ts'
import { decide } from '../../src/policy/decide/decide.ts'
import { type Expression, OPERATORS, type Operand, type Operator, QUANTIFIERS } from '../../src/policy/expression.ts'
import type { Attributes, PolicySet } from '../../src/policy/model.ts'
import { EVERYONE } from '../../src/policy/principal.ts'
import { parseRepositoryName } from '../../src/registry/name.ts'
import { open } from './open.ts'
import { ADDRESSES, DIGEST, GUIDS, INVALID_TIMES, LIKES, NAMES, RANGES, SECONDS, TEXTS, valid } from './pools.ts'
import { verdict } from './reference.ts'

/** A slow machine is not a disagreement. */
vi.setConfig({ testTimeout: 120_000 })

const source = { file: 'pairs', line: 1, column: 1 }
const role = BUILT_IN_ROLES.find(({ name }) => name.endsWith('Repository Reader'))
if (role === undefined) throw new Error('the repository reader is gone')
const FROM = valid(parseRepositoryName('a'))
const EVERYBODY: Caller = { authenticated: true, acts: [] }

const grant = { name: 'grant', principal: EVERYONE, role, source }
const deny = {
  name: 'deny',
  principals: [EVERYONE],
  except: [],
  permissions: ['content/read' as const],
  actions: [],
  source,
}

function policies(expression: Expression): readonly PolicySet[] {
  const condition = { text: '', expression }
  const registry = {
    service: 'pairs',
    mode: 'abac',
    catalog: 'filtered',
    anonymous: [],
    tokenLifetimeSeconds: 900,
  } as const
  const empty = { registry, scopeMaps: [], tokens: [], issuers: [], identities: [], roles: [] }
  return [
    { ...empty, roleAssignments: [{ ...grant, condition }], denyAssignments: [], protections: [] },
    { ...empty, roleAssignments: [grant], denyAssignments: [{ ...deny, condition }], protections: [] },
  ]
}

type Asked = { readonly name?: string; readonly attributes?: Attributes; readonly now?: number }

/** Ask both evaluators all of `questions` under one condition. */
function agree(expression: Expression, questions: readonly Asked[]): void {
  for (const set of policies(expression)) {
    const rights = open(set).rights(EVERYBODY)
    for (const { name = 'a', attributes = {}, now = 0 } of questions) {
      const question = { action: 'content/read' as const, repository: name, attributes, now }
      const actual = decide(rights, question).effect
      if (actual !== verdict(set, EVERYBODY, question).effect) expect({ actual, expression, question }).toBe('agreed')
    }
  }
}

const attribute = (source: 'Request' | 'Principal' | 'Environment', name: string): Operand => ({
  type: 'attribute',
  source,
  name,
})
const string = (value: string): Operand => ({ type: 'string', value })
const compare = (left: Operand, operator: Operator, right: Operand): Expression => ({
  type: 'comparison',
  operator,
  left,
  right,
})

const SUB = attribute('Principal', 'Dockgate/claims:sub')
const claims = (values: readonly string[]): readonly Asked[] =>
  values.map((sub) => ({ attributes: { claims: { sub } } }))

describe('two evaluators agree on every pair', () => {
  it('of a text and a pattern', () => {
    const texts = [...TEXTS, ...LIKES]
    for (const operator of [
      'StringLike',
      'StringNotLike',
      'StringLikeIgnoreCase',
      'StringNotLikeIgnoreCase',
    ] as const) {
      for (const pattern of texts) agree(compare(SUB, operator, string(pattern)), claims(texts))
    }
  })

  it('of two lists, also empty ones', () => {
    const lists = [[], ['a'], ['a', 'b'], ['b', 'b'], ['A'], ['a', 'x']]
    for (const quantifier of QUANTIFIERS) {
      for (const operator of ['StringEquals', 'StringNotEquals', 'StringEqualsIgnoreCase', 'StringNotLike'] as const) {
        for (const list of lists.slice(1)) {
          const right = { type: 'set', items: list.map((value) => ({ type: 'string', value }) as const) } as const
          const expression: Expression = { type: 'comparison', operator, quantifier, left: SUB, right }
          const questions = lists.map((sub) => ({ attributes: { claims: { sub } } }))
          agree(expression, questions)
          agree({ type: 'not', operand: expression }, questions)
        }
      }
    }
  })

  it('of a repository and a text', () => {
    const name = attribute('Request', 'Microsoft.ContainerRegistry/registries/repositories:name')
    for (const operator of [
      'StringEquals',
      'StringNotEqualsIgnoreCase',
      'StringStartsWith',
      'StringNotStartsWithIgnoreCase',
      'StringBelow',
      'StringNotBelowIgnoreCase',
      'StringLike',
      'StringNotLike',
    ] as const) {
      for (const text of TEXTS) {
        const questions = NAMES.map((repository) => ({ name: repository }))
        agree(compare(name, operator, string(text)), questions)
        agree({ type: 'not', operand: compare(name, operator, string(text)) }, questions)
      }
    }
  })

  it('of a repository and a claim, also one that says nothing', () => {
    const name = attribute('Request', 'Microsoft.ContainerRegistry/registries/repositories:name')
    const texts = ['', '/', '*', '**', '?', '*?', String.raw`\*`, 'a', 'a/', 'a*', 'A', 'a/b', 'b']
    const claimed = [...texts, ...texts.map((text) => ['a', text]), []]
    const questions = NAMES.flatMap((repository) =>
      claimed.map((sub) => ({ name: repository, attributes: { claims: { sub } } })),
    )
    for (const operator of OPERATORS.filter((each) => /Starts|Below|Like/.test(each))) {
      for (const quantifier of [undefined, ...QUANTIFIERS]) {
        const several = quantifier === undefined ? {} : { quantifier }
        const expression: Expression = { type: 'comparison', operator, ...several, left: name, right: SUB }
        agree(expression, questions)
        agree({ type: 'not', operand: expression }, questions)
      }
    }
  })

  it('of a repository and a list, on either side', () => {
    const name = attribute('Request', 'Microsoft.ContainerRegistry/registries/repositories:name')
    const strings = [['a'], ['a', 'ab'], ['A'], ['a', 'a'], ['*'], ['b', 'a/*']]
    const guid = { type: 'guid', value: 'ffffffff-0000-0000-0000-00000000000b' } as const
    const sets = strings.flatMap((values) => {
      const items = values.map((value) => ({ type: 'string', value }) as const)
      return [{ type: 'set', items } as const, { type: 'set', items: [...items, guid] } as const]
    })
    const questions = NAMES.map((repository) => ({ name: repository }))
    for (const quantifier of QUANTIFIERS) {
      for (const operator of [
        'StringEquals',
        'StringNotEqualsIgnoreCase',
        'StringLike',
        'StringNotLike',
        'StringBelow',
      ] as const) {
        for (const list of sets) {
          const comparison = { type: 'comparison', operator, quantifier } as const
          agree({ ...comparison, left: name, right: list }, questions)
          agree({ ...comparison, left: list, right: name }, questions)
        }
      }
    }
  })

  it('of an address and a range, alone or in a list', () => {
    const ip = attribute('Request', 'Dockgate/request:clientIp')
    const questions = ADDRESSES.map((clientIp) => ({ attributes: { clientIp } }))
    for (const range of RANGES) {
      agree(compare(ip, 'IpInRange', string(range)), questions)
      const items = [range, '192.0.2.0/24'].map((value) => ({ type: 'string', value }) as const)
      agree(compare(ip, 'IpInRange', { type: 'set', items }), questions)
      const listed = questions.map(({ attributes }) => ({ attributes: { ...attributes, claims: { sub: [range] } } }))
      agree(compare(ip, 'IpInRange', SUB), listed)
    }
  })

  it('of the time and a date-time', () => {
    const clock = attribute('Environment', 'UtcNow')
    const written = SECONDS.flatMap((seconds) => {
      const [local] = new Date(seconds * 1000).toISOString().split('.')
      return [`${local}Z`, `${local}.0000001Z`, `${local}.5+01:00`, `${local}-05:30`]
    })
    const moments = SECONDS.flatMap((seconds) => [-1, 0, 0.5, 1].map((off) => ({ now: seconds + off })))
    for (const operator of [
      'DateTimeEquals',
      'DateTimeNotEquals',
      'DateTimeGreaterThan',
      'DateTimeGreaterThanEquals',
      'DateTimeLessThan',
      'DateTimeLessThanEquals',
    ] as const) {
      for (const time of [...written, ...INVALID_TIMES]) agree(compare(clock, operator, string(time)), moments)
    }
  })

  it('of fractions of a second', () => {
    const times = ['', '.5', '.05', '.25', '.0000005', '.9999999'].map((fraction) =>
      string(`2026-01-01T00:00:00${fraction}Z`),
    )
    for (const left of times) {
      for (const right of times) agree(compare(left, 'DateTimeLessThan', right), [{}])
    }
  })

  it('of the methods, for the source of a mount: it is read', () => {
    for (const method of ['GET', 'PUT', 'POST', 'HEAD']) {
      const [set] = policies(compare(attribute('Request', 'Dockgate/request:method'), 'StringEquals', string(method)))
      if (set === undefined) throw new Error('no policy was made')
      const rights = open(set).rights(EVERYBODY)
      const isRead = verdict(set, EVERYBODY, {
        action: 'content/read',
        repository: FROM,
        attributes: { method: 'GET' },
        now: 0,
      })
      expect(mayReadBlob(rights, FROM, DIGEST, { now: 0 })).toBe(isRead.effect === 'allow')
    }
  })

  it('of GUIDs', () => {
    for (const operator of ['GuidEquals', 'GuidNotEquals'] as const) {
      for (const guid of GUIDS) {
        agree(compare(SUB, operator, string(guid)), claims([...GUIDS, 'x']))
        agree(compare(SUB, operator, { type: 'guid', value: guid.toLowerCase() }), claims([...GUIDS, 'x']))
      }
    }
  })

  it('of numbers', () => {
    for (const operator of [
      'NumericEquals',
      'NumericNotEquals',
      'NumericGreaterThan',
      'NumericGreaterThanEquals',
      'NumericLessThan',
      'NumericLessThanEquals',
    ] as const) {
      for (const value of [-1, 0, 1])
        agree(compare({ type: 'integer', value }, operator, { type: 'integer', value: 0 }), [{}])
    }
  })
})

const MISSING = compare(attribute('Request', 'Dockgate/request:digest'), 'StringEquals', string('v1'))
/** Leaves for each outcome: false and true, known before the request or not; missing; error; unknown without a tag. */
const OUTCOMES: readonly Expression[] = [
  { type: 'actionMatches', patterns: ['x'] },
  { type: 'actionMatches', patterns: ['*'] },
  compare(attribute('Request', 'Dockgate/request:method'), 'StringEquals', string('PUT')),
  compare(attribute('Request', 'Dockgate/request:method'), 'StringEquals', string('GET')),
  MISSING,
  { type: 'not', operand: MISSING },
  compare(attribute('Request', 'Dockgate/request:tag'), 'StringEquals', string('v1')),
]

it('two evaluators agree on every combination of three outcomes', () => {
  const questions: readonly Asked[] = [
    { attributes: { method: 'GET' } },
    { attributes: { method: 'GET', everyTag: true } },
    { attributes: { method: 'GET', tag: 'v1' } },
  ]
  const not = (operand: Expression): Expression => ({ type: 'not', operand })
  for (const outer of ['and', 'or'] as const) {
    for (const inner of ['and', 'or'] as const) {
      for (const one of OUTCOMES) {
        for (const two of OUTCOMES) {
          const pair: Expression = { type: inner, left: one, right: two }
          for (const three of OUTCOMES) {
            agree({ type: outer, left: pair, right: three }, questions)
            agree({ type: outer, left: three, right: pair }, questions)
            agree({ type: outer, left: not(pair), right: three }, questions)
          }
        }
      }
    }
  }
})
