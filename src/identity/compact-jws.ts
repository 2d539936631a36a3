/**
 * The outside of a compact JWS (RFC 7515 section 7.1): how it differs from a password, and how long it may be. Never
 * looks inside.
 */

/** The longest JWT of an issuer, in characters. */
export const JWT_MAX_LENGTH = 8192
/** The longest token of our own: it may carry the groups of a JWT and a hundred scopes. */
export const MINTED_MAX_LENGTH = 32_768

/**
 * Every JSON object that begins with `{"` is encoded to `eyJ…`. The signature does not sign itself, so its encoding must be
 * canonical (RFC 4648 section 3.5): else one token could be sent under sixteen spellings.
 */
const COMPACT =
  /^eyJ[A-Za-z0-9_-]*\.[A-Za-z0-9_-]+\.(?:[A-Za-z0-9_-]{4})*(?:[A-Za-z0-9_-][AQgw]|[A-Za-z0-9_-]{2}[AEIMQUYcgkosw048])?$/

/** Whether a text has the form of a compact JWS that is not too long. */
export const isCompactJws = (text: string): boolean => text.length <= MINTED_MAX_LENGTH && COMPACT.test(text)
