/**
 * The attributes of conditions: which ones a registry request supplies, how they are read, and how they are spelled.
 * Every other attribute of Azure's language is known by name only; it is never present. Never compares.
 *
 * Source: Azure "conditions-format", attributes; "container-registry-rbac-abac-repository-permissions".
 */

import { nearest } from '../../../base/spelling.ts'
import type { Attribute, AttributeSource, Literal } from '../../expression.ts'
import type { Attributes, EpochSeconds } from '../../model.ts'
import type { Instant } from './date-time.ts'

/** What a condition is evaluated against. */
export type Context = {
  /** The action of the decision, in Azure's full spelling. */
  readonly action: string
  /** The repository; absent when the action takes none. */
  readonly name?: string
  readonly attributes: Attributes
  readonly now: EpochSeconds
}

export type Scalar = string | Literal | Instant
export type Value = Scalar | readonly Scalar[]

/** The request names no tag: any may be meant. */
export const ANY_TAG: unique symbol = Symbol('any tag')

/** A value, any tag, or `undefined` for an attribute that is missing. */
export type Reading = Value | typeof ANY_TAG | undefined

export const REPOSITORY_NAME = 'Microsoft.ContainerRegistry/registries/repositories:name'
const CLAIMS = 'Dockgate/claims:'

type Reader = (context: Context) => Reading

const repositoryName: Reader = (context) => context.name

/** By canonical name. Azure's documents moved from `@Resource` to `@Request`: both name the repository. */
const READERS: Readonly<Record<AttributeSource, ReadonlyMap<string, Reader>>> = {
  Request: new Map<string, Reader>([
    [REPOSITORY_NAME, repositoryName],
    ['Dockgate/request:tag', ({ attributes }) => attributes.tag ?? ANY_TAG],
    ['Dockgate/request:digest', ({ attributes }) => attributes.digest],
    ['Dockgate/request:method', ({ attributes }) => attributes.method],
    ['Dockgate/request:mediaType', ({ attributes }) => attributes.mediaType],
    ['Dockgate/request:artifactType', ({ attributes }) => attributes.artifactType],
    ['Dockgate/request:clientIp', ({ attributes }) => attributes.clientIp],
  ]),
  Resource: new Map([[REPOSITORY_NAME, repositoryName]]),
  Principal: new Map(),
  Environment: new Map([['UtcNow', ({ now }) => ({ type: 'instant', seconds: Math.floor(now), ticks: 0 })]]),
}

/** Read an attribute by its canonical name. */
export function readAttribute({ source, name }: Attribute, context: Context): Reading {
  if (source !== 'Principal') return READERS[source].get(name)?.(context)
  const { claims } = context.attributes
  if (claims === undefined || !name.startsWith(CLAIMS)) return undefined
  const claim = name.slice(CLAIMS.length)
  return Object.hasOwn(claims, claim) ? claims[claim] : undefined
}

/** Whether this is the name of the repository, under either source. */
export const isRepositoryName = ({ source, name }: Attribute): boolean =>
  name === REPOSITORY_NAME && (source === 'Request' || source === 'Resource')

/** What a present attribute holds: one text, a text or a list of them, or an instant. */
export type Holds = 'text' | 'claim' | 'instant'

/** What a present attribute of this name holds; `undefined` for one that no request supplies. */
export function attributeHolds({ source, name }: Attribute): Holds | undefined {
  if (source === 'Principal') return name.startsWith(CLAIMS) && name.length > CLAIMS.length ? 'claim' : undefined
  if (!READERS[source].has(name)) return undefined
  return source === 'Environment' ? 'instant' : 'text'
}

export const formatAttribute = ({ source, name }: Attribute): string => `@${source}[${name}]`

/** The canonical names under `source`, the claims by the part that all of them share. */
const namesOf = (source: AttributeSource) => (source === 'Principal' ? [CLAIMS] : READERS[source].keys())

/** Spell an attribute canonically if a request supplies it; others stay as written. Names of claims keep their letters. */
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
 * The attribute meant by a word that is none, as a condition writes it: one without its `@`, its name alone, or the end of that.
 */
export function attributeMeant(word: string): string | undefined {
  const [, start = word, rest] = /^([^[]*)(?:\[(.*)\])?$/.exec(word) ?? []
  const source = (Object.keys(READERS) as AttributeSource[]).find((one) => one.toLowerCase() === start.toLowerCase())
  if (source !== undefined) {
    const attribute = canonicalAttribute(source, rest?.trim() ?? 'name')
    const isKnown = rest === undefined || attributeHolds(attribute) !== undefined
    return isKnown ? formatAttribute(attribute) : (nearestAttribute(attribute) ?? formatAttribute(attribute))
  }
  if (rest !== undefined) return undefined
  const lower = word.toLowerCase()
  const claim = canonicalAttribute('Principal', word)
  const found =
    attributes().find(({ name }) => name.toLowerCase() === lower || endOf(name) === lower) ??
    (attributeHolds(claim) === undefined ? undefined : claim)
  return found && formatAttribute(found)
}

/** `tag` of `Dockgate/request:tag`. The repository's `name` is too common a word. */
const endOf = (name: string): string | undefined =>
  name.startsWith('Dockgate/') ? name.slice(name.indexOf(':') + 1).toLowerCase() : undefined

const attributes = (): readonly Attribute[] =>
  (Object.keys(READERS) as AttributeSource[]).flatMap((source) =>
    [...READERS[source].keys()].map((name): Attribute => ({ type: 'attribute', source, name })),
  )

/** Whether Azure's language knows this attribute, though no registry request supplies it. */
export function isForeign({ source, name }: Attribute): boolean {
  const lower = name.toLowerCase()
  if (source === 'Environment' && lower === 'isprivatelink') return true
  return lower.startsWith('microsoft.') && !lower.startsWith('microsoft.containerregistry/')
}

/** The attribute most likely meant by one that is not supplied: a near name, or the same name under its right source. */
export function nearestAttribute({ source, name }: Attribute): string | undefined {
  const written = `@${source}[${name}]`
  if (/^microsoft\.containerregistry\//i.test(name))
    return formatAttribute({ type: 'attribute', source: 'Request', name: REPOSITORY_NAME })
  const known = (Object.keys(READERS) as AttributeSource[]).flatMap((other) =>
    [...namesOf(other)].map((candidate) => `@${other}[${candidate === CLAIMS ? `${CLAIMS}NAME` : candidate}]`),
  )
  const lower = name.toLowerCase()
  return (
    known.find((candidate) => candidate.slice(candidate.indexOf('[') + 1, -1).toLowerCase() === lower) ??
    nearest(written, known)
  )
}
