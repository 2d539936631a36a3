/**
 * Parses the `WWW-Authenticate` of an upstream (RFC 9110 section 11.6.1; RFC 6750 section 3; distribution
 * `docs/content/spec/auth/token.md`). Only realm and service are used, and one bit of the scope. `./realm.ts` checks whether
 * the realm is allowed.
 */

/** The challenge that the gate answers. */
export type UpstreamChallenge =
  | { readonly scheme: 'basic' }
  | {
      readonly scheme: 'bearer'
      readonly realm: string
      readonly service?: string
      /** Whether the scope has Azure's own action for lists of tags; see ./token-scope.ts. */
      readonly isAzure: boolean
    }

/** Longer headers are ignored. */
const MAX_LENGTH = 8192

/** A scheme, or a parameter whose value is quoted or not. Several header lines arrive joined by commas. */
const PART = /[\s,]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*)))?/y

/** The first Bearer challenge with a realm, else Basic; undefined if the header has neither. */
export function parseChallenge(header: string | null): UpstreamChallenge | undefined {
  if (header === null || header.length > MAX_LENGTH) return undefined
  const challenges: { readonly scheme: string; readonly parameters: Map<string, string> }[] = []
  PART.lastIndex = 0
  for (let part = PART.exec(header); part !== null; part = PART.exec(header)) {
    const [, name = '', quoted, plain] = part
    const value = quoted?.replaceAll(/\\(.)/g, '$1') ?? plain
    if (value === undefined) challenges.push({ scheme: name.toLowerCase(), parameters: new Map() })
    else challenges.at(-1)?.parameters.set(name.toLowerCase(), value)
  }
  const bearer = challenges.find(({ scheme, parameters }) => scheme === 'bearer' && parameters.has('realm'))
  const realm = bearer?.parameters.get('realm')
  if (bearer === undefined || realm === undefined) {
    return challenges.some(({ scheme }) => scheme === 'basic') ? { scheme: 'basic' } : undefined
  }
  const service = bearer.parameters.get('service') ?? ''
  return {
    scheme: 'bearer',
    realm,
    ...(service === '' ? {} : { service }),
    isAzure: /:metadata_[a-z]+$/.test(bearer.parameters.get('scope') ?? ''),
  }
}
