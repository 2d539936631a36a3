/**
 * Why a condition does not grant: the tests in it that are not met, with what the request says instead. Never changes a
 * decision.
 */

import { formatCondition } from '../condition/format.ts'
import { ANY_TAG, CLAIMS, REQUEST, type Reading, readAttribute } from '../decide/condition/attribute.ts'
import { type Context, evaluate, grants } from '../decide/condition/evaluate.ts'
import { type Attribute, type Expression, operandsOf } from '../expression.ts'

/** A test of a condition that a caller does not meet. */
export type UnmetTest = {
  /** The test, on one line, as a condition writes it. */
  readonly test: string
  /** The attributes that it reads; `value` is absent for one that the request lacks, `any` for a tag it does not name. */
  readonly attributes: readonly { readonly name: string; readonly value?: string }[]
}

/** The smallest parts of a condition that keep it from granting. At least one, if it does not grant. */
export function unmetTests(expression: Expression, context: Context): readonly UnmetTest[] {
  const everyTag = context.attributes.everyTag === true
  if (grants(evaluate(expression, context), everyTag)) return []
  if (expression.type === 'and' || expression.type === 'or') {
    const parts = operandsOf(expression).flatMap((operand) => unmetTests(operand, context))
    if (parts.length > 0) return parts
  }
  return [{ test: formatCondition(expression, 'line'), attributes: attributesOf(expression, context) }]
}

function attributesOf(expression: Expression, context: Context): UnmetTest['attributes'] {
  const found = new Map<string, Attribute>()
  const visit = (part: Expression): void => {
    if (part.type === 'and' || part.type === 'or') {
      visit(part.left)
      visit(part.right)
    } else if (part.type === 'not') visit(part.operand)
    else if (part.type === 'exists') found.set(part.attribute.name, part.attribute)
    else if (part.type === 'comparison') {
      for (const side of [part.left, part.right]) if (side.type === 'attribute') found.set(side.name, side)
    }
  }
  visit(expression)
  return [...found.values()].map((attribute) => {
    const value = formatReading(readAttribute(attribute, context))
    return { name: shortName(attribute), ...(value === undefined ? {} : { value }) }
  })
}

/** `tag`, `clientIp`, `claim environment`, `repository`, or the attribute's own name. */
function shortName({ name }: Attribute): string {
  if (name === 'UtcNow') return 'time'
  if (name.startsWith(CLAIMS)) return `claim ${name.slice(CLAIMS.length)}`
  if (name.startsWith(REQUEST)) return name.slice(REQUEST.length)
  return /\/repositories:name$/i.test(name) ? 'repository' : name
}

function formatReading(reading: Reading): string | undefined {
  if (reading === undefined) return undefined
  if (reading === ANY_TAG) return 'any'
  if (typeof reading === 'string') return reading
  if ('length' in reading) return `[${reading.map((item) => formatReading(item)).join(', ')}]`
  return reading.type === 'instant' ? String(reading.seconds) : String(reading.value)
}
