import { fc, test } from '@fast-check/vitest'
import { describe, expect } from 'vitest'
import { lowerName, type NameKey } from '../../../src/policy/compile/condition/lower.ts'
import { specialize } from '../../../src/policy/compile/condition/specialize.ts'
import { formatCondition } from '../../../src/policy/condition/format.ts'
import { parseCondition } from '../../../src/policy/condition/parse.ts'
import { denies, evaluate, grants } from '../../../src/policy/decide/condition/evaluate.ts'
import { context, expression, namedContext } from './arbitrary.ts'

const RUNS = { numRuns: 3000 }

describe('format', () => {
  test.prop([expression, fc.constantFrom('lines' as const, 'line' as const)], RUNS)(
    'is read back as the same tree',
    (tree, layout) => {
      const text = formatCondition(tree, layout)
      fc.pre(text.length <= 8192)
      const parsed = parseCondition(text, 'strict')
      expect(parsed).toMatchObject({ ok: true, value: { expression: tree } })
      if (parsed.ok) expect(formatCondition(parsed.value.expression, layout)).toBe(text)
    },
  )
})

describe('specialize', () => {
  test.prop([expression, context], RUNS)('has exactly the outcomes of the original', (tree, request) => {
    expect(evaluate(specialize(tree, request.action), request)).toBe(evaluate(tree, request))
  })

  test.prop([expression, context], RUNS)('leaves no test of the action', (tree, request) => {
    expect(JSON.stringify(specialize(tree, request.action))).not.toMatch(/actionMatches|subOperationMatches/)
  })

  test.prop([expression, context])('is done after one pass', (tree, request) => {
    const once = specialize(tree, request.action)
    expect(specialize(once, request.action)).toEqual(once)
  })
})

describe('lower', () => {
  const isMatch = (key: NameKey, name: string) =>
    key.kind === 'exact' ? name === key.name : name.startsWith(key.prefix)

  test.prop([expression, namedContext, fc.boolean()], { numRuns: 20_000 })(
    'a grant applies if and only if a key matches and the residual grants',
    (tree, request, forAction) => {
      const everyTag = request.attributes.everyTag === true
      const { keys, residual } = lowerName(tree, forAction ? request.action : undefined)
      const isFound = keys === 'any' || keys.some((key) => isMatch(key, request.name))
      const lowered = isFound && (residual === undefined || grants(evaluate(residual, request), everyTag))
      expect(lowered).toBe(grants(evaluate(tree, request), everyTag))
    },
  )

  test.prop([expression], RUNS)('keeps no key that another one covers', (tree) => {
    const { keys } = lowerName(tree)
    if (keys === 'any') return
    const text = (key: NameKey) => (key.kind === 'exact' ? key.name : key.prefix)
    for (const key of keys) {
      const others = keys.filter((other) => other !== key)
      expect(
        others.some((other) => isMatch(other, text(key)) && (other.kind === 'prefix' || key.kind === 'exact')),
      ).toBe(false)
    }
  })
})

describe('evaluate', () => {
  test.prop([expression, context], RUNS)(
    'never grants and denies nothing from what is only missing or in error',
    (tree, request) => {
      const outcomes = evaluate(tree, request)
      expect(outcomes).toBeGreaterThan(0)
      expect(outcomes).toBeLessThan(16)
      if ((outcomes & 3) === 0) {
        expect(grants(outcomes)).toBe(false)
        expect(denies(outcomes)).toBe(true)
      }
    },
  )

  test.prop([expression, context, fc.constantFrom('a', 'b', 'v1', 'A*')], RUNS)(
    'an unknown tag may come to whatever a known one comes to',
    (tree, request, tag) => {
      const { tag: _, ...attributes } = request.attributes
      const unknown = evaluate(tree, { ...request, attributes })
      const known = evaluate(tree, { ...request, attributes: { ...attributes, tag } })
      const isTagCompared =
        JSON.stringify(tree).match(/request:tag"[^[]*?(?:Guid|DateTime|Ip)|(?:Guid|DateTime|Ip)[^[]*?request:tag"/) !==
        null
      fc.pre(!isTagCompared)
      expect(known & ~unknown & 3).toBe(0)
    },
  )
})

describe('parse', () => {
  const pieces = fc.constantFrom(
    '(',
    ')',
    '{',
    '}',
    ',',
    '!',
    '&&',
    '||',
    'AND',
    'or',
    'NOT',
    'Exists',
    'ActionMatches',
    'SubOperationMatches',
    "'",
    "'a'",
    '1',
    '-',
    'true',
    '@',
    '@Request[',
    ']',
    '@Request[Microsoft.ContainerRegistry/registries/repositories:name]',
    'StringEquals',
    'ForAnyOfAnyValues:StringLike',
    ':',
    '\r\n',
    ' ',
    '\\',
    '\u00a0',
    '\u{1f600}',
    '00000000-0000-0000-0000-000000000000',
  )
  const dialect = fc.constantFrom('strict' as const, 'azure' as const)
  const garbage = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(pieces, { maxLength: 30 }).map((all) => all.join(' ')),
    fc.array(pieces).map((all) => all.join('')),
  )

  test.prop([garbage, dialect], { numRuns: 5000 })('never throws, and points inside the text', (text, dialect) => {
    const parsed = parseCondition(text, dialect)
    const problems = parsed.ok ? parsed.value.warnings : [parsed.error]
    for (const { offset, length, message } of problems) {
      expect(message).not.toBe('')
      expect(offset).toBeGreaterThanOrEqual(0)
      expect(length).toBeGreaterThanOrEqual(0)
      expect(offset + length).toBeLessThanOrEqual(text.length)
    }
  })

  test.prop([garbage], RUNS)(
    'reads in the Azure dialect whatever it reads in the strict one, as the same tree',
    (text) => {
      const strict = parseCondition(text, 'strict')
      const azure = parseCondition(text, 'azure')
      if (strict.ok) expect(azure).toEqual(strict)
    },
  )
})
