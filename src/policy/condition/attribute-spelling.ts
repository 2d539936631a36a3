/**
 * How conditions spell attributes, and which attribute a wrong spelling probably means. For authors of conditions only:
 * the Worker reads attributes by their canonical names (`../decide/condition/attribute.ts`).
 *
 * Source: Azure "conditions-format", attributes.
 */

import { nearest } from '../../base/spelling.ts'
import {
  ATTRIBUTE_SOURCES,
  attributeHolds,
  CLAIMS,
  REPOSITORY_NAME,
  suppliedNames,
} from '../decide/condition/attribute.ts'
import type { Attribute, AttributeSource } from '../expression.ts'
import { formatAttribute } from './format.ts'

/** The canonical names under `source`. The claims are represented by the prefix that all of them share. */
const namesOf = (source: AttributeSource): readonly string[] =>
  source === 'Principal' ? [CLAIMS] : suppliedNames(source)

/** An attribute in canonical spelling if a request supplies it; others stay as written. Claims keep their letter case. */
export function canonicalAttribute(source: AttributeSource, name: string): Attribute {
  const lower = name.toLowerCase()
  for (const known of namesOf(source)) {
    if (known === CLAIMS && lower.startsWith(CLAIMS.toLowerCase())) {
      return { type: 'attribute', source, name: CLAIMS + name.slice(CLAIMS.length) }
    }
    if (lower === known.toLowerCase()) return { type: 'attribute', source, name: known }
  }
  return { type: 'attribute', source, name }
}

/**
 * The attribute that an invalid word probably means, in condition syntax. Handles a missing `@`, a bare name, and the last
 * part of a name. Returns undefined if no guess is good.
 */
export function attributeMeant(word: string): string | undefined {
  const [, start = word, rest] = /^([^[]*)(?:\[(.*)\])?$/.exec(word) ?? []
  const source = ATTRIBUTE_SOURCES.find((one) => one.toLowerCase() === start.toLowerCase())
  if (source !== undefined) {
    const attribute = canonicalAttribute(source, rest?.trim() ?? 'name')
    const isKnown = rest === undefined || attributeHolds(attribute) !== undefined
    return isKnown ? formatAttribute(attribute) : (nearestAttribute(attribute) ?? formatAttribute(attribute))
  }
  if (rest !== undefined) return undefined
  const lower = word.toLowerCase()
  const claim = canonicalAttribute('Principal', word)
  const found =
    suppliedAttributes().find(({ name }) => name.toLowerCase() === lower || lastPartOf(name) === lower) ??
    (attributeHolds(claim) === undefined ? undefined : claim)
  return found && formatAttribute(found)
}

/** `tag` of `Dockgate/request:tag`. Names of Azure have none: `name`, of the repository, is too common a word. */
const lastPartOf = (name: string): string | undefined =>
  name.startsWith('Dockgate/') ? name.slice(name.indexOf(':') + 1).toLowerCase() : undefined

const suppliedAttributes = (): readonly Attribute[] =>
  ATTRIBUTE_SOURCES.flatMap((source) =>
    suppliedNames(source).map((name): Attribute => ({ type: 'attribute', source, name })),
  )

/** Whether Azure's language has this attribute, although no registry request supplies it. */
export function isOfAnotherService({ source, name }: Attribute): boolean {
  const lower = name.toLowerCase()
  if (source === 'Environment' && lower === 'isprivatelink') return true
  return lower.startsWith('microsoft.') && !lower.startsWith('microsoft.containerregistry/')
}

/**
 * The attribute that an attribute without a value probably means, in condition syntax: a similar name, or the same name
 * under another source. Returns undefined if no guess is good.
 */
export function nearestAttribute({ source, name }: Attribute): string | undefined {
  const written = formatAttribute({ type: 'attribute', source, name })
  if (/^microsoft\.containerregistry\//i.test(name))
    return formatAttribute({ type: 'attribute', source: 'Request', name: REPOSITORY_NAME })
  const known = ATTRIBUTE_SOURCES.flatMap((other) =>
    namesOf(other).map((candidate) => `@${other}[${candidate === CLAIMS ? `${CLAIMS}NAME` : candidate}]`),
  )
  const lower = name.toLowerCase()
  return (
    known.find((candidate) => candidate.slice(candidate.indexOf('[') + 1, -1).toLowerCase() === lower) ??
    nearest(written, known)
  )
}
