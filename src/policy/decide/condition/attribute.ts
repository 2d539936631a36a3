/**
 * The attributes of conditions that a registry request supplies, and how to read them. Every other attribute of Azure's
 * language is always missing. Never compares. The spelling of attributes is in `src/policy/condition/attribute-spelling.ts`.
 *
 * Source: Azure "conditions-format", attributes; "container-registry-rbac-abac-repository-permissions".
 */

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

/** A single value of an attribute. */
export type Scalar = string | Literal | Instant
/** The value of an attribute: one, or a list. */
export type Value = Scalar | readonly Scalar[]

/** The request names no tag: any may be meant. */
export const ANY_TAG: unique symbol = Symbol('any tag')

/** A value, any tag, or `undefined` for an attribute that is missing. */
export type Reading = Value | typeof ANY_TAG | undefined

/** The canonical name of the attribute that holds the repository's name. */
export const REPOSITORY_NAME = 'Microsoft.ContainerRegistry/registries/repositories:name'
/** The beginning of the names of `@Principal` attributes: the name of a claim follows. */
export const CLAIMS = 'Dockgate/claims:'
/** The beginning of the names of Dockgate's `@Request` attributes. */
export const REQUEST = 'Dockgate/request:'
/** The canonical name of the attribute that holds the media type of a pushed manifest. */
export const MEDIA_TYPE = `${REQUEST}mediaType`

type Reader = (context: Context) => Reading

const repositoryName: Reader = (context) => context.name

/** By canonical name. Azure's documents moved from `@Resource` to `@Request`: both name the repository. */
const READERS: Readonly<Record<AttributeSource, ReadonlyMap<string, Reader>>> = {
  Request: new Map<string, Reader>([
    [REPOSITORY_NAME, repositoryName],
    [`${REQUEST}tag`, ({ attributes }) => attributes.tag ?? ANY_TAG],
    [`${REQUEST}digest`, ({ attributes }) => attributes.digest],
    [`${REQUEST}method`, ({ attributes }) => attributes.method],
    [MEDIA_TYPE, ({ attributes }) => attributes.mediaType],
    [`${REQUEST}artifactType`, ({ attributes }) => attributes.artifactType],
    [`${REQUEST}clientIp`, ({ attributes }) => attributes.clientIp],
  ]),
  Resource: new Map([[REPOSITORY_NAME, repositoryName]]),
  Principal: new Map(),
  Environment: new Map([['UtcNow', ({ now }) => ({ type: 'instant', seconds: Math.floor(now), ticks: 0 })]]),
}

/** The sources of attributes, in the order in which spelling help tries them. */
export const ATTRIBUTE_SOURCES = Object.keys(READERS) as readonly AttributeSource[]

/** The canonical names of the attributes that a request supplies under `source`. Claims are not listed: they have any name. */
export const suppliedNames = (source: AttributeSource): readonly string[] => [...READERS[source].keys()]

/** Read an attribute by its canonical name. */
export function readAttribute({ source, name }: Attribute, context: Context): Reading {
  if (source !== 'Principal') return READERS[source].get(name)?.(context)
  const { claims } = context.attributes
  if (claims === undefined || !name.startsWith(CLAIMS)) return undefined
  const claim = name.slice(CLAIMS.length)
  return Object.hasOwn(claims, claim) ? claims[claim] : undefined
}

/** Whether an attribute is a claim that is there, or may be, and cannot be read. */
export const isUnread = ({ source, name }: Attribute, { attributes }: Context): boolean =>
  source === 'Principal' &&
  name.startsWith(CLAIMS) &&
  attributes.unreadClaims?.includes(name.slice(CLAIMS.length)) === true

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
