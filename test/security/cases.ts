/**
 * What went wrong in other registries, gateways and token services, and the tests that show that it does not here. A
 * case without a test says why it cannot occur. `docs/security-cases.md` is written from this.
 */

export type Proof = { readonly file: string; readonly title: string }

export type Case = {
  readonly section: (typeof SECTIONS)[number]
  /** Advisories, issues or sources, by their public names. */
  readonly seen: string
  readonly what: string
  readonly proofs: readonly Proof[]
  /** What no test can show, or why it cannot occur. */
  readonly because?: string
}

export const SECTIONS = [
  'Authorization bypass and confused identity',
  'Tokens and credentials',
  'URL, header and body disagreement',
  'Availability and operations',
] as const
const [BYPASS, TOKENS, DISAGREEMENT, OPERATIONS] = SECTIONS

/** Titles of one file. */
const by = (file: string, ...titles: readonly string[]): readonly Proof[] =>
  titles.map((title) => ({ file: `test/${file}.test.ts`, title }))

export const CASES: readonly Case[] = [
  {
    section: BYPASS,
    seen: 'gateways behind a proxy that take the first value of X-Forwarded-For',
    what: 'A client named its own address, and was where the policy wanted it',
    proofs: [...by('worker/client-ip', 'is that %s'), ...by('e2e/serve', 'believes of the address of a client %s')],
  },
  {
    section: BYPASS,
    seen: 'policy agents that load bundles from an open bucket or registry',
    what: 'Who could write to the store of policies gave itself rights',
    proofs: [
      ...by('e2e/serve', 'get nothing from whoever writes to the store without the key'),
      ...by('worker/policy-store/oci-store', 'that is %s cannot be read', 'is not read at %s'),
    ],
  },
  {
    section: BYPASS,
    seen: 'Azure/acr-cli#70 and its kind: locks that only some calls respect',
    what: 'A locked tag was moved by a push with several tags, or deleted with its manifest',
    proofs: by('worker/protections/locks', '%s %s: %j forbidden %s'),
  },
  {
    section: BYPASS,
    seen: 'Dockgate before format 2 of bundles',
    what: 'A bundle was signed for nobody in particular: one of another gate took effect when somebody copied it, and a roll-back signed it again',
    proofs: [
      ...by('bundle/problems', 'signed for one gate is verified and admitted for %s as it says', 'has to be of %s'),
      ...by('cli/bundles/publish', 'is refused when %s, and signs nothing'),
      ...by(
        'worker/store/store',
        '%s keeps the last good bundle, says %s, and ends in 503',
        'is not replaced by one of another service, and says so',
        'with POLICY_SERVICE %j a gate that has just started gets %s',
        'is found under %s alone',
      ),
      ...by('cli/store-refusals', 'that was copied from another pointer %s refuses'),
    ],
  },
  {
    section: BYPASS,
    seen: 'Dockgate before sealed text 2',
    what: 'Upload sessions and list cursors of one host counted at another host of the same gate, with its registry and its credential',
    proofs: by(
      'worker/platform/seal',
      'does not open in the context of %s',
      'is nothing to %s',
      '%s of the one is nothing to the other',
    ),
  },
  {
    section: BYPASS,
    seen: 'Dockgate before sealed text 2; Docker Registry HTTP API V2, `PUT` of an upload',
    what: 'A finished upload, whose `Location` is the blob, became a session: the right to push deleted blobs',
    proofs: by(
      'worker/forward/upload-session',
      '%s is a bad gateway, and reaches the registry never again',
      '%s is none on an allow-listed host either',
      'is found below the base path of the registry alone',
      'a status %i that names the blob has the gate’s own name for it',
    ),
  },
  {
    section: BYPASS,
    seen: 'Quay CVE-2026-32589; gitea#38242; artifact-keeper#1504; fakecloud#719',
    what: 'Upload sessions found by their identifier alone: anyone who may push anywhere reads, changes or cancels those of others',
    proofs: [
      ...by(
        'worker/forward/upload-session',
        '%s does not exist',
        'with any one character changed does not exist',
        'of another upstream does not exist',
        'ends after a day',
      ),
      ...by(
        'worker/security',
        'with any one bit flipped does not exist',
        'of a caller is nobody else’s, by whatever credential',
      ),
      ...by('e2e/security', 'an upload is nobody else’s, and of no other repository'),
    ],
  },
  {
    section: BYPASS,
    seen: 'Gitea CVE-2026-27771',
    what: 'Private images could be pulled without logging in, for years',
    proofs: [
      ...by(
        'e2e/probe',
        'finds nothing at the gate, with every check made',
        'finds a gate that %s, by %s',
        'name every operation of the grammar, with every method',
      ),
      ...by('e2e/raw', 'refuses every path without a credential, and forwards none'),
      ...by('worker/corpus', 'without a credential reach nobody'),
    ],
  },
  {
    section: BYPASS,
    seen: 'zot CVE-2024-39897; distribution CVE-2026-35172; zot#4363; distribution-spec#569',
    what: 'A cache shared by digest answered for repositories that the caller, or the repository, did not own',
    proofs: by(
      'worker/security',
      'is judged by its repository, no matter who else holds it and whatever was asked before',
      'are not used by the gate: every allowed pull asks the registry',
    ),
  },
  {
    section: BYPASS,
    seen: 'zot CVE-2026-31801',
    what: '`latest` was exempt from the check against overwriting',
    proofs: by('worker/security', 'have no special names: only what a rule says counts'),
  },
  {
    section: BYPASS,
    seen: 'zot#4266',
    what: 'Who may only create moved existing tags through `?tag=`',
    proofs: [
      ...by('worker/security', 'of one push are all judged: %s'),
      ...by('worker/corpus', '%s are refused, or forwarded as they say'),
      ...by('registry/parse', 'which tags a request reaches'),
      ...by('security/forward.property', 'unless what the upstream will read is allowed'),
    ],
  },
  {
    section: BYPASS,
    seen: 'PROJQUAY-10504; harbor#18419',
    what: 'Deleting by digest, or deleting a referrer, defeated immutability of tags',
    proofs: [
      ...by('worker/security', 'that are protected are by digest too: %s %s is %i'),
      ...by('policy/equivalence', 'two evaluators'),
    ],
  },
  {
    section: BYPASS,
    seen: 'zot CVE-2025-23208',
    what: 'Groups that a user had left stayed',
    proofs: by(
      'worker/security',
      'are those of the present token: one that was left ends with it',
      'are not gained by exchanging one token for another',
    ),
  },
  {
    section: BYPASS,
    seen: 'Gitea CVE-2025-68944, CVE-2025-68941, CVE-2026-24791',
    what: 'The scope of a token was lost when it was exchanged for a registry token',
    proofs: [
      ...by(
        'identity/token-scopes',
        'than asked, than policy allows, than the presented token has',
        'however often a token is exchanged for another',
      ),
      ...by(
        'worker/token-service/service',
        'an access token gets no more than it has, and no longer',
        'an end that is near stays, however often it is exchanged',
      ),
    ],
  },
  {
    section: BYPASS,
    seen: 'artifact-keeper#3316, #3408, #3704, #2290, #3681',
    what: 'Another kind of credential had other rights, or fewer than none at all',
    proofs: by(
      'worker/security',
      'has the same verdict on every route with %s',
      'may with %s whatever is allowed without',
    ),
  },
  {
    section: BYPASS,
    seen: 'Harbor CVE-2019-16919, CVE-2022-31666 to 31671, CVE-2024-22278, harbor#18636',
    what: 'Administration calls did not check whose object they changed; a robot made itself more rights',
    proofs: [],
    because:
      'The gate has no administration API: rights change only by a signed bundle, made where the policy files are. No credential can make another one.',
  },
  {
    section: BYPASS,
    seen: 'Harbor CVE-2020-29662',
    what: 'The catalog was readable under another spelling of its path',
    proofs: [
      ...by('registry/corpus', 'the corpus of %s'),
      ...by('worker/app', '%s %s is 404 in the form that registry clients read'),
      ...by('e2e/raw', 'refuses every path without a credential, and forwards none'),
    ],
  },
  {
    section: BYPASS,
    seen: 'distribution CVE-2025-24976',
    what: 'A key inside the token was trusted when only its `kid` was known',
    proofs: [
      ...by('worker/identity/jwt', 'a header may carry a key of its own: it is not looked at'),
      ...by('e2e/probe', 'finds a gate that %s, by %s'),
    ],
  },
  {
    section: BYPASS,
    seen: 'Quay federated robots',
    what: 'The audience was not bound to its issuer and subject',
    proofs: by(
      'worker/identity/matrix',
      'issuer $issuer, subject $subject, audience $audience, key $key, claim $claim',
      'two make an identity',
    ),
  },
  {
    section: BYPASS,
    seen: 'serverless-registry',
    what: '`aud` was there and never compared; `exp` was optional',
    proofs: by('worker/identity/jwt', 'a JWT is refused', 'expired since it was seen'),
  },
  {
    section: BYPASS,
    seen: 'docker_auth',
    what: 'Patterns without anchors, and text put into rules as it came',
    proofs: [
      ...by('registry/scope', 'reading scopes'),
      ...by('identity/claim-pattern', 'a pattern matches the whole claim'),
      ...by('policy/action-pattern', 'matchesAction'),
    ],
  },
  {
    section: BYPASS,
    seen: 'Angos; Cedar (skip on error)',
    what: 'A deny rule that failed was dropped',
    proofs: [
      ...by(
        'policy/decide/condition/evaluate',
        'outcomes $set: grants $grant, every tag $grantEvery; denies $deny, every tag $denyEvery',
      ),
      ...by('worker/store/store', 'that hold what this version cannot read fault, and do not grant'),
      ...by('policy/equivalence', 'two evaluators'),
      ...by('worker/unknown-membership', 'with %s', 'spares only who surely is one: %s', 'denies in a deny with %s'),
    ],
    because: '`node test/policy/mutate.ts` changes the policy code one operator at a time and shows that a test fails.',
  },
  {
    section: BYPASS,
    seen: 'Docker AuthZ plugins CVE-2024-41110, CVE-2026-34040',
    what: 'Policy judged another body than the one that was executed',
    proofs: [
      ...by(
        'worker/forward/attributes',
        'reaches the registry as it was judged: each key once, as JSON, and not as %s',
      ),
      ...by('worker/gate', 'reads no byte of the body', '%s %s of type %s is refused'),
      ...by('e2e/security', 'nothing is mounted by %s'),
    ],
  },
  {
    section: BYPASS,
    seen: 'OPA CVE-2025-46569, CVE-2022-36085; opa-envoy GHSA-9f29-v6mm-pw6w',
    what: 'Text of the request became part of the query; `//` was read in two ways',
    proofs: [
      ...by('registry/parse.property', 'is read by the reference registry as it was judged'),
      ...by('security/forward.property', 'unless what the upstream will read is allowed'),
    ],
    because: 'A policy is data that is compared with values; nothing of a request is ever parsed as policy.',
  },
  {
    section: BYPASS,
    seen: 'OpenFGA CVE-2022-23542',
    what: 'The engine allowed with certain models',
    proofs: [
      ...by('policy/equivalence', 'two evaluators'),
      ...by('policy/condition/property', 'has exactly the outcomes of the original'),
    ],
  },
  {
    section: BYPASS,
    seen: 'Spinifex#548',
    what: 'A token was the permission: who could only pull pushed and deleted for twelve hours',
    proofs: [
      ...by('worker/security', 'loses with %s what policy takes away, at the next call'),
      ...by('worker/token-service/service', '%s: access and refresh tokens end at the next call'),
    ],
  },
  {
    section: TOKENS,
    seen: 'Hono CVE-2026-22817, CVE-2026-22818',
    what: 'Confusion of algorithms: a public key taken for a shared secret',
    proofs: [
      ...by('worker/identity/jwt', 'a JWT is refused'),
      ...by('e2e/probe', 'finds a gate that %s, by %s'),
      ...by('identity/issuers', 'publishes a shared secret: it verifies nothing'),
      ...by('security/dependencies', 'does not hold %s'),
    ],
  },
  {
    section: TOKENS,
    seen: 'Hono CVE-2026-47673',
    what: 'Any scheme in `Authorization` counted as Bearer',
    proofs: [
      ...by('identity/authorization', 'everything else is malformed'),
      ...by('worker/corpus', 'make the credential that they say, and pass as they say: %s'),
      ...by('e2e/security', 'headers byte for byte'),
      ...by('worker/identity/jwt', 'are refused, good as each may be'),
    ],
  },
  {
    section: TOKENS,
    seen: 'Authlib CVE-2025-59420; node-jws GHSA-869p-cjfg-cm3x',
    what: '`crit` was ignored; a signature was not verified',
    proofs: [
      ...by('worker/identity/jwt', 'a JWT is refused', 'signing by hand makes what is accepted'),
      ...by('security/hostile.property', 'with any header and claims that nobody signed is refused'),
    ],
  },
  {
    section: TOKENS,
    seen: 'distribution CVE-2026-33540; devcontainers/cli#1278; BBOT CVE-2026-12566; serverless-registry',
    what: 'The credential went to whatever realm the upstream named',
    proofs: [
      ...by('worker/upstream/challenge', '%s may not be asked for %s'),
      ...by('worker/upstream/authentication', 'at %s is never called', 'named by a later 401 is never called either'),
    ],
  },
  {
    section: TOKENS,
    seen: 'oras-go GHSA-h7vf-4x9w-h99v; containerd CVE-2020-15157; Docker CLI CVE-2021-41092; renovate#3877',
    what: '`Link`, a redirect or a foreign URL carried the request, or its credential, elsewhere',
    proofs: [
      ...by('worker/forward/relay-response', '%i to %s is not followed', 'is never followed, never cached'),
      ...by('worker/forward/list-endpoints', 'has exactly n = %i names in every page but the last'),
      ...by(
        'worker/forward/upload-session',
        'on an allow-listed host is continued there, without the credential of the upstream',
      ),
    ],
  },
  {
    section: TOKENS,
    seen: 'Quay mirror-registry CVE-2026-2376',
    what: 'Following redirects reached private addresses',
    proofs: [
      ...by('worker/forward/relay-response', '%i to %s is not followed'),
      ...by('identity/issuers', 'redirects with %i: it is not followed', 'and not %s'),
    ],
  },
  {
    section: TOKENS,
    seen: 'zot CVE-2025-48374; opa#8630; docker_auth',
    what: 'Secrets in logs',
    proofs: [
      ...by('e2e/canary', 'secrets of requests, policies, keys and the upstream are in no log line, error or answer'),
      ...by('worker/gate', 'and every answer keep the secrets of the request to themselves'),
    ],
  },
  {
    section: TOKENS,
    seen: 'Harbor CVE-2026-4404',
    what: 'A default password',
    proofs: [
      ...by('security/dependencies', 'has no default credential, and no key'),
      ...by('worker/token-service/service', '%s: a fault, and no word of it'),
      ...by('policy/examples', 'keep no credentials: secrets are made where the policies are used'),
    ],
  },
  {
    section: TOKENS,
    seen: 'zot#4238',
    what: 'An open redirect by a backslash',
    proofs: [
      ...by('worker/gate', '%s never holds a redirect'),
      ...by('e2e/probe', 'finds nothing at the gate, with every check made'),
    ],
  },
  {
    section: TOKENS,
    seen: 'Keycloak docker flow',
    what: 'Tokens outlived what they were made from',
    proofs: [
      ...by(
        'worker/token-service/service',
        '%s: access and refresh tokens end at the next call',
        '%s: tokens of its JWTs end at the next call',
      ),
      ...by(
        'identity/withdrawn-keys',
        '%s, with traffic all the time',
        'and a refresh token that is used again and again does not carry the key further',
      ),
    ],
  },
  {
    section: DISAGREEMENT,
    seen: 'oauth2-proxy CVE-2026-40575, CVE-2026-41059, CVE-2026-34457, GHSA-7rh7-c77v-6434',
    what: '`X-Forwarded-Uri`, a fragment, the agent of a health check, or the query decided',
    proofs: [
      ...by(
        'worker/security',
        'of headers, queries and fragments changes no verdict, and nothing that the registry is asked',
      ),
      ...by('worker/gate', '%j changes no verdict'),
      ...by('e2e/probe', 'finds a gate that %s, by %s'),
    ],
  },
  {
    section: DISAGREEMENT,
    seen: 'Envoy GHSA-xcx5-93pw-jw2w; http-proxy-middleware#1168; Hono CVE-2026-47676',
    what: 'The path was not in its canonical spelling when it was matched',
    proofs: [
      ...by('registry/corpus', 'the corpus of %s', 'is large, has no case twice, and refuses more than it forwards'),
      ...by('worker/corpus', '%s are refused, or forwarded as they say'),
      ...by('e2e/raw', 'raw requests'),
    ],
  },
  {
    section: DISAGREEMENT,
    seen: 'This gate, before its first release; a `Host` header that is not a host',
    what: 'The platform made a URL of it, whose path began in the `Host` header',
    proofs: [
      ...by(
        'worker/host',
        '%j is not a host, so that nothing is forwarded',
        '%j is refused whatever path the URL seems to have',
      ),
      ...by('e2e/limits', 'forwards nothing that is addressed to %j'),
    ],
  },
  {
    section: DISAGREEMENT,
    seen: 'This gate, before its first release; a bound that the sender could leave out',
    what: 'A body without `Content-Length` was as long as it liked',
    proofs: [
      ...by(
        'worker/body-length',
        'is refused as $method, and the registry finishes nothing',
        'is refused where the gate reads it itself',
        'is counted: %s',
      ),
      ...by(
        'e2e/limits',
        'finishes no upload of %i bytes that announces no length',
        'does not believe a length that is given next to a transfer coding',
      ),
    ],
  },
  {
    section: DISAGREEMENT,
    seen: 'This gate, before its first release; answers of the registry in a browser',
    what: 'Pages and scripts passed as blobs, `text/html; x=json` as an error, `javascript:` as a redirect',
    proofs: by(
      'worker/answers/inert-answer',
      '$what runs nothing in a browser',
      '%s becomes bytes',
      'of type %s is 502',
      'with %s is told in the words of the gate',
      'to %j is refused',
    ),
  },
  {
    section: TOKENS,
    seen: 'This gate, before its first release; an error that echoed the request',
    what: "The registry's error showed the client the credential that the gate had sent",
    proofs: by('worker/answers/inert-answer', 'never reaches the client in %s', 'is not found in %j'),
  },
  {
    section: OPERATIONS,
    seen: 'This gate, before its first release; legal spellings of `Link`',
    what: 'A list ended where its next page was not understood, so that signatures were missing',
    proofs: [
      ...by('registry/link', 'is found %s', 'is not understood with %s'),
      ...by('worker/forward/list-order', '%s is 502, and not the end of the list'),
    ],
  },
  {
    section: DISAGREEMENT,
    seen: 'Hono `getPath`',
    what: 'Router and proxy read two paths',
    proofs: [
      ...by('registry/parse', 'a request target'),
      ...by(
        'registry/parse.property',
        'that is named is named again, the same, by what is sent on',
        'in a URL gives the parser that target, without its fragment',
      ),
    ],
  },
  {
    section: DISAGREEMENT,
    seen: 'distribution `FormValue`',
    what: 'The source of a mount was read from the body',
    proofs: by(
      'e2e/security',
      'the attack is real: a form that reaches the registry mounts',
      'nothing is mounted by %s',
    ),
  },
  {
    section: DISAGREEMENT,
    seen: 'artifact-keeper#3109; distribution-spec#275',
    what: 'A mount without a source hides it',
    proofs: [
      ...by('worker/gate', 'as %s of %s reaches the registry as %s'),
      ...by('e2e/security', 'nothing is mounted by %s'),
    ],
  },
  {
    section: DISAGREEMENT,
    seen: 'Hono CVE-2026-24398, CVE-2026-39409, CVE-2026-47674',
    what: 'Rules on addresses: forms of IPv6, mapped, octal, and headers that claim one',
    proofs: [
      ...by('policy/condition/value', '%j is not an address', '%s in %s: %s'),
      ...by('worker/security', 'is what the platform says: %j is %i'),
    ],
  },
  {
    section: DISAGREEMENT,
    seen: 'Hono CVE-2026-24472; node-server CVE-2026-29087',
    what: 'Authorised answers were cached; hop-by-hop headers leaked',
    proofs: [
      ...by('worker/security', 'may keep no answer, no matter who asked and whatever the registry says'),
      ...by('worker/gate', 'reach the registry by name only, and never with a credential of the client'),
      ...by('worker/forward/relay-response', 'passes with the headers that registries have, and no others'),
    ],
  },
  {
    section: DISAGREEMENT,
    seen: 'distribution GHSA-qq97-vm5h-rrhg',
    what: 'A manifest that says one media type in its header and another in its body',
    proofs: [
      ...by(
        'worker/forward/manifest-type',
        'a manifest is of the type that its header says',
        'an index in disguise is refused, and the registry sees nothing',
      ),
      ...by('e2e/security', 'a manifest says one media type in its header and its body, or the registry refuses it'),
    ],
    because:
      'Where no condition asks for the media type, the gate does not read manifests: nothing is decided by the type, and the registry alone judges it.',
  },
  {
    section: OPERATIONS,
    seen: 'distribution CVE-2023-2253',
    what: 'A huge `n` took all memory',
    proofs: by(
      'worker/forward/list-endpoints',
      'never asks the registry for more than a thousand names',
      'reads a bounded number of pages, and goes on behind a cursor that tells nothing',
      'takes a cursor from whom it was given to, for the list it was given for',
      'has cursors whose length tells nothing of a name that the caller may not see',
      'asks the registry by known parameters alone, whatever its Link says',
    ),
  },
  {
    section: OPERATIONS,
    seen: 'Bombs of scopes, patterns and claims',
    what: 'Long lists and patterns that backtrack',
    proofs: [
      ...by('registry/scope', 'names no more resources than its bound'),
      ...by('worker/token-service/service', 'that are too long are refused', 'beyond the hundredth are dropped'),
      ...by('security/hostile.property', '%j ends', 'of %s is refused'),
      ...by('identity/claim-pattern', 'takes time in proportion, whatever the text'),
      ...by('identity/remembered', 'is verified once, however the header spells it', 'does not push others out'),
    ],
  },
  {
    section: OPERATIONS,
    seen: 'OPA signed bundles; agentrust-io/cmcp#493, #497; connectonion#768',
    what: 'An old signed policy was accepted again',
    proofs: [
      ...by(
        'worker/store/store',
        '%s keeps the last good bundle, says %s, and ends in 503',
        '%s grants nothing to a gate that has just started',
        'a roll-back is a new serial',
      ),
      ...by('bundle/bundle', 'a manifest'),
    ],
    because:
      'A gate that has just started knows no serial: anyone who can write to KV may show it any bundle that has not expired. A short validity bounds that.',
  },
  {
    section: OPERATIONS,
    seen: 'OPA delta bundles',
    what: 'An empty patch wiped the data',
    proofs: by('cli/bundles/publish', 'from %i grants to %i: %s'),
    because: 'There are no deltas: a manifest names every shard, and its signature covers all of them.',
  },
  {
    section: OPERATIONS,
    seen: 'Workers routes that fail open',
    what: 'Over a limit, requests go straight to the origin',
    proofs: [
      ...by('security/dependencies', 'is set up not to be bypassed', 'has no %s'),
      ...by('e2e/probe', 'finds an upstream that answers without the gate'),
    ],
    because:
      'Whether a route fails open is a setting of the account, which no code of ours sees: see the assumptions in the threat model.',
  },
  {
    section: BYPASS,
    seen: 'Dockgate 0.2.0, conditions',
    what: 'A claim that is there and is not text counted as absent in conditions: a deny that asks whether it exists did not hold',
    proofs: [
      ...by('worker/unknown-membership', 'denies with the odd claim %j'),
      ...by(
        'identity/federation',
        'that policy did not read when the federation was made is not readable, and not absent',
      ),
    ],
  },
  {
    section: DISAGREEMENT,
    seen: 'Dockgate 0.2.0, uploads',
    what: 'An upload went on at a path with parameters, or with a second digest in its query, which a registry reads in another way',
    proofs: by('worker/forward/upload-session', '%s is a bad gateway, and reaches the registry never again'),
  },
  {
    section: BYPASS,
    seen: 'Harbor, ECR and others with immutable tags',
    what: 'Two pushes at once, a delete by digest, or a delete by another tag changed a tag that was to stay',
    proofs: [
      ...by('worker/protections/race', 'have one winner, whatever fails: … interleavings'),
      ...by(
        'worker/protections/write-once',
        'is kept against %s',
        'that the gate has not seen is kept against %s',
        'keeps the manifests that its index lists, at any depth',
        'is kept by the other algorithm of its digest too',
      ),
    ],
  },
  {
    section: BYPASS,
    seen: 'Cool-downs of package proxies',
    what: 'The age of an image was what its publisher wrote, or the time of a push that failed',
    proofs: by(
      'worker/protections/quarantine',
      'does not count pushes that the registry refused',
      'counts from when the gate first saw the digest',
    ),
  },
  {
    section: OPERATIONS,
    seen: 'KV remembers what was not there',
    what: 'A new entry of a deny list is unseen while its absence is cached',
    proofs: by('worker/store/store', 'happens behind the answer, and the next one knows'),
    because: 'Nothing is decided by the absence of a key: what is denied stands in the bundle, which always exists.',
  },
  {
    section: OPERATIONS,
    seen: 'KV reads that split',
    what: 'A new pointer with an old body',
    proofs: by(
      'worker/store/store',
      'shows a loop of steady requests the old policy or the new one',
      'that are missing fault those whose data they hold, and nobody else; and heal',
    ),
  },
  {
    section: OPERATIONS,
    seen: 'Storms of key fetches',
    what: 'Unknown `kid`s flood the issuer',
    proofs: by(
      'identity/issuers',
      'is not flooded by made-up keys',
      'never for an issuer that the policy does not name',
      'is asked again for an unknown key, at most once a minute',
    ),
  },
  {
    section: OPERATIONS,
    seen: 'An issuer that is down',
    what: 'All sign-ins fail, or old keys count for ever',
    proofs: by(
      'identity/issuers',
      'is survived for a day with the keys it had',
      'inline, without any network',
      'a key that the issuer withdrew ends with the next reading',
    ),
  },
]

/** The page of the cases: one table for each section. */
export function formatCases(cases: readonly Case[]): string {
  const cell = (text: string): string => text.replaceAll('|', '\\|')
  const row = ({ seen, what, proofs, because }: Case): string => {
    const shown = proofs.map(({ file, title }) => `\`${file.replace(/^test\//, '')}\`: ${cell(title)}`)
    return `| ${cell(seen)} | ${cell(what)} | ${[...shown, ...(because === undefined ? [] : [cell(because)])].join('<br>')} |`
  }
  const section = (name: string): string =>
    [
      `## ${name}`,
      '',
      '| seen in | what happened | here |',
      '|---|---|---|',
      ...cases.filter(({ section }) => section === name).map(row),
    ].join('\n')
  return `# Security cases

What went wrong in other registries, gateways and token services, and what shows that it does not here: the file below
\`test/\` and the title of each test (\`%s\` stands for the rows of its table). Written from \`test/security/cases.ts\` by
\`npx vitest run -c test/vitest.config.ts --project unit security/cases -u\`; a test fails when a named test is gone.

${SECTIONS.map(section).join('\n\n')}
`
}
