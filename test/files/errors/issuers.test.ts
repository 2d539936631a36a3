/** What the author of a policy reads about mistakes in issuers and in the identities that belong to them: places, codes, messages and hints. */
import { describe } from 'vitest'
import { type Mistake, reportsMistakes } from './reports-mistakes.ts'

const MISTAKES: readonly Mistake[] = [
  [
    `issuers:
  gh: { issuer: http://gh.example, audiences: [a] }`,
    ['a.yaml:2:17 url_invalid: "http://gh.example" is not an https URL (did you mean https://gh.example?)'],
  ],
  [
    `issuers:
  gh: { issuer: gh.example, audiences: [a] }`,
    [
      'a.yaml:2:17 url_invalid: "gh.example" is not an https URL (write the `iss` claim of its tokens; http is for loopback hosts only)',
    ],
  ],
  [
    `issuers:
  gh: { issuer: https://gh.example?x=1, audiences: [a] }`,
    [
      'a.yaml:2:17 url_invalid: the issuer "https://gh.example?x=1" has a query or fragment (write the `iss` claim of its tokens)',
    ],
  ],
  [
    `issuers:
  gh: { issuer: https://gh.example, audiences: [] }`,
    ['a.yaml:2:48 empty: the list is empty (name at least one)'],
  ],
  [
    `issuers:
  gh: { issuer: https://gh.example, audiences: a }`,
    ['a.yaml:2:48 wrong_type: expected a list, found text "a" (write a list: [a])'],
  ],
  [
    `issuers:
  gh: { issuer: https://gh.example, audiences: [a], algorithms: [HS256] }`,
    [
      'a.yaml:2:66 not_allowed: "HS256" is not one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA (did you mean RS256?)',
    ],
  ],
  [
    `issuers:
  gh: { issuer: https://gh.example, audiences: [a], algorithms: [none] }`,
    [
      'a.yaml:2:66 not_allowed: "none" is not one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA (write RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512 or EdDSA)',
    ],
  ],
  [
    `issuers:
  gh: { issuer: https://gh.example, audiences: [a], jwksUri: http://gh.example/keys }`,
    [
      'a.yaml:2:62 url_invalid: "http://gh.example/keys" is not an https URL (write where the issuer publishes its keys, or give them as `jwks`)',
    ],
  ],
  [
    `issuers:
  gh:
    issuer: https://gh.example
    audiences: [a]
    jwks: { keys: [ { kty: OKP, crv: Ed25519, x: AAAA, d: BBBB } ] }`,
    [
      'a.yaml:5:56 private_key: "d" makes this a private key (give the public key only, and replace this one: it is not secret any more)',
    ],
  ],
  [
    `issuers:
  gh:
    issuer: https://gh.example
    audiences: [a]
    jwks: { keys: [ { kty: oct, k: AAAA } ] }`,
    [
      'a.yaml:5:33 private_key: "k" makes this a private key (give the public key only, and replace this one: it is not secret any more)',
    ],
  ],
  [
    `issuers:
  gh:
    issuer: https://gh.example
    audiences: [a]
    jwks: { keys: [ { kty: EC, crv: P-256, x: AAAA } ] }`,
    ['a.yaml:5:21 key_unusable: the key has no "y" (copy the whole public key)'],
  ],
  [
    `issuers:
  gh:
    issuer: https://gh.example
    audiences: [a]
    jwks: { keys: [ { kty: RSA, n: AAAA, e: AQAB } ] }`,
    ['a.yaml:5:36 key_unusable: an RSA key needs 2048 bits (give a longer key)'],
  ],
  [
    `issuers:
  gh:
    issuer: https://gh.example
    audiences: [a]
    jwks: { keys: [] }`,
    ['a.yaml:5:19 empty: the list is empty (name at least one)'],
  ],
  [
    `issuers:
  gh: { issuer: https://gh.example, audiences: [a] }
  gi: { issuer: https://gh.example, audiences: [b] }`,
    [
      'a.yaml:3:17 duplicate_name: the issuer with the URL "https://gh.example" is defined twice, first at a.yaml:2:17 (a token could belong to either: put all audiences into one issuer)',
    ],
  ],
  [
    `issuers: { gh: { issuer: "https://gh.example", audiences: [a] } }
identities:
  rel: { issuer: gh }`,
    [
      'a.yaml:3:3 identity_unbounded: this identity would be everyone of the issuer (add subject, or claims with at least one pattern)',
    ],
  ],
  [
    `issuers: { gh: { issuer: "https://gh.example", audiences: [a] } }
identities:
  rel: { issuer: gi, subject: x }`,
    ['a.yaml:3:18 unknown_issuer: no issuer is named "gi" (did you mean gh?)'],
  ],
  [
    `issuers: { gh: { issuer: "https://gh.example", audiences: [a] } }
identities:
  rel: { issuer: gh, subject: "" }`,
    ['a.yaml:3:31 empty: the text is empty (write a value, or remove the key)'],
  ],
  [
    `issuers: { gh: { issuer: "https://gh.example", audiences: [a] } }
identities:
  rel: { issuer: gh, claims: { ref: refs/*** } }`,
    ['a.yaml:3:37 glob_invalid: "refs/***" has three * in a row (write * for one segment, ** for any number)'],
  ],
  [
    `issuers: { gh: { issuer: "https://gh.example", audiences: [a] } }
identities:
  rel: { issuer: gh, claims: { run: 5 } }`,
    ['a.yaml:3:37 wrong_type: expected text, found 5 (quote it: "5")'],
  ],
  [
    `issuers: { gh: { issuer: "https://gh.example", audiences: [a] } }
identities:
  rel: { issuer: gh, claims: { ref: "" } }`,
    ['a.yaml:3:37 glob_invalid: an empty pattern matches no claim (write the value, or remove the claim)'],
  ],
  [
    `issuers: { gh: { issuer: "https://gh.example", audiences: [a] } }
identities:
  rel: { issuer: gh, claim: { ref: x } }`,
    ['a.yaml:3:22 unknown_key: unknown key "claim" (did you mean claims?)'],
  ],
  [
    `issuers:
  gh:
    issuer: https://gh.example
    audiences: [a]
    jwksUri: https://gh.example/keys
    jwks: { keys: [ { kty: OKP, crv: Ed25519, x: AAAA } ] }`,
    ['a.yaml:6:5 ambiguous: jwks and jwksUri are both given (keep one of them)'],
  ],
  [
    `issuers:
  gh:
    issuer: https://gh.example
    audiences: [a]
    jwks: { keys: [ { kty: DSA, y: AAAA } ] }`,
    ['a.yaml:5:28 key_unusable: kty is not RSA, EC or OKP (give a public key of one of these)'],
  ],
  [
    `issuers: { gh: { issuer: "https://gh.example", audiences: [a] } }
identities:
  rel: { issuer: gh, claims: { "": x } }`,
    ['a.yaml:3:32 key_invalid: the key is empty (name the claim)'],
  ],
  [
    `issuers: { gh: { issuer: "https://gh.example", audiences: [a] } }
identities:
  rel: { issuer: gh, claims: [ref] }`,
    ['a.yaml:3:30 wrong_type: expected a mapping, found a list'],
  ],
]

describe('the report about an issuer or identity', () => reportsMistakes(MISTAKES))
