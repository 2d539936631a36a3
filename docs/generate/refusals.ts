/**
 * The tables of docs/operations.md: every reason for which the gate refuses a request or a bundle, the answer that the gate
 * really gives, and what to do about it. A reason that has no entry here does not compile.
 */
import type { BundleProblemCode } from '../../src/bundle/problem.ts'
import { notFound } from '../../src/registry/refusal.ts'
import { answerTo, type Refusal } from '../../src/worker/answers/refusal.ts'
import { code, table } from './markdown.ts'

type Code = Refusal['code']
type Entry<C> = {
  readonly refusal: Refusal & { readonly code: C }
  /** For anyone who runs the gate; a sentence. */
  readonly help: string
}

const about = { action: 'content/write', repository: 'acme/app' } as const

const REFUSALS: { readonly [C in Code]: Entry<C> } = {
  no_grant: {
    refusal: { code: 'no_grant', ...about },
    help: 'No rule grants it. `dockgate explain` names the nearest rule and the smallest change. Without a credential: 401.',
  },
  deny_assignment: {
    refusal: { code: 'deny_assignment', ...about, rule: { kind: 'denyAssignment', id: 'releases-are-kept' } },
    help: 'A deny assignment forbids it; its `message`, if it has one, is what the client reads. Without a credential: 401.',
  },
  authentication_required: {
    refusal: { code: 'authentication_required' },
    help: 'Log in. `GET /v2/` and the catalog need a credential even where anonymous callers may pull.',
  },
  insufficient_scope: {
    refusal: {
      code: 'insufficient_scope',
      scopes: [{ type: 'repository', name: 'acme/app', actions: ['pull', 'push'] }],
    },
    help: 'Policy allows it, the access token was asked for less. Clients fetch a new one by themselves.',
  },
  credential_malformed: {
    refusal: { code: 'credential_malformed' },
    help: 'The client sends two `Authorization` headers, or none that is Basic or Bearer.',
  },
  credential_unsupported: {
    refusal: { code: 'credential_unsupported' },
    help: 'The client sends one credential of another scheme, for example Negotiate. A proxy in front may have added it.',
  },
  credential_invalid: {
    refusal: { code: 'credential_invalid' },
    help: 'Unknown name, wrong or expired password, or a JWT of another issuer, audience or key. The answer is the same for all.',
  },
  credential_expired: {
    refusal: { code: 'credential_expired' },
    help: 'An access token or JWT has ended. Clients fetch a new one by themselves; a job that has no new one must log in later.',
  },
  credential_revoked: {
    refusal: { code: 'credential_revoked' },
    help: 'The password that the access token was made with was rotated away, or its token or issuer removed.',
  },
  token_disabled: {
    refusal: { code: 'token_disabled' },
    help: '`status: disabled` in the policy. `dockgate token enable NAME`, then push.',
  },
  too_many_failures: {
    refusal: { code: 'too_many_failures' },
    help: 'The rate limit `LOGIN_LIMIT` of one address and one name. Look for a job with an old password.',
  },
  not_a_registry_request: {
    refusal: { code: 'not_a_registry_request', error: notFound('UNSUPPORTED', 'depends on what is wrong') },
    help: 'The path, the method or a query key is not of the registry protocol; 404, or 400 for a bad name, reference or query. Never forwarded.',
  },
  upload_unknown: {
    refusal: { code: 'upload_unknown' },
    help: 'The session is over, altered, or was begun by somebody else or for another repository. The client starts again.',
  },
  form_body: {
    refusal: { code: 'form_body' },
    help: 'The client sends an HTML form where bytes belong.',
  },
  body_too_large: {
    refusal: { code: 'body_too_large', bytes: 209_715_200, limit: 104_857_600 },
    help: '`MAX_UPLOAD_BYTES` is set. A 413 with a web page instead comes from Cloudflare: see [large-layers.md](large-layers.md).',
  },
  manifest_type_mismatch: {
    refusal: { code: 'manifest_type_mismatch' },
    help: 'The manifest says of itself another media type than the `Content-Type` of the push.',
  },
  attributes_invalid: {
    refusal: { code: 'attributes_invalid' },
    help: "A change by Azure's metadata API whose body is not what that API takes.",
  },
  cursor_invalid: {
    refusal: { code: 'cursor_invalid' },
    help: 'The client invented `last`, or continued a list that somebody else began.',
  },
  write_once: {
    refusal: {
      code: 'write_once',
      change: 'move',
      rule: { kind: 'protection', id: 'releases-are-written-once' },
      tag: 'v1',
      digest: 'sha256:3f2a…',
    },
    help: 'A write-once protection keeps the tag, or what a kept tag needs. Push another tag, or ask a caller in its `except`.',
  },
  quarantined: {
    refusal: {
      code: 'quarantined',
      by: 'digest',
      state: 'pending',
      rule: { kind: 'protection', id: 'production-waits' },
      secondsLeft: 7200,
    },
    help: 'A quarantine holds the manifest back. Release it, or wait until `releaseAfter` has passed. By tag the answer is 404 `MANIFEST_UNKNOWN`, as Azure has it.',
  },
  manifest_missing: {
    refusal: { code: 'manifest_missing' },
    help: 'A call of the metadata API names a tag or a manifest that the registry does not have.',
  },
  repository_missing: {
    refusal: { code: 'repository_missing' },
    help: 'A call of the metadata API names a repository without tags. The gate answers such calls with `METADATA_API=gate`.',
  },
  repository_too_large: {
    refusal: { code: 'repository_too_large' },
    help: 'With `METADATA_API=gate` the gate asks the registry for each tag. `/v2/NAME/tags/list` lists more of them.',
  },
  metadata_unsupported: {
    refusal: { code: 'metadata_unsupported' },
    help: 'With `METADATA_API=gate` the gate keeps no custom metadata, no deleted artifacts and no streaming.',
  },
  locked: {
    refusal: { code: 'locked', attribute: 'writeEnabled', target: 'v1' },
    help: 'A lock holds for everybody. Set the attribute to true: [protections.md](protections.md#locks).',
  },
  manifest_unreadable: {
    refusal: { code: 'manifest_unreadable' },
    help: 'A protection covers the tag, so the gate reads the manifest before the registry does. Push a manifest of the OCI image-spec.',
  },
  not_a_signature: {
    refusal: { code: 'not_a_signature' },
    help: 'The caller has `sign/write` and not `content/write`. [protections.md](protections.md#signing) says what counts as a signature; `SIGNATURE_TYPES` adds types.',
  },
  manifest_busy: {
    refusal: { code: 'manifest_busy' },
    help: 'A delete is under way, or its answer was lost less than 15 minutes ago. Try again.',
  },
  too_many_tags: {
    refusal: { code: 'too_many_tags' },
    help: 'Before a delete by digest the gate looks at 1,000 tags at most. A caller in the `except` of the protection may delete.',
  },
  state_unavailable: {
    refusal: { code: 'state_unavailable' },
    help: 'The binding `STATE` is missing, or the Durable Object of the repository does not answer. Nothing was changed by this request, or its log says so.',
  },
  policy_unavailable: {
    refusal: { code: 'policy_unavailable' },
    help: 'No bundle that may be used: see [Why a bundle is not used](#why-a-bundle-is-not-used). `/readyz` and the log say which.',
  },
  signing_key_unavailable: {
    refusal: { code: 'signing_key_unavailable' },
    help: 'The secret `TOKEN_SIGNING_KEY` is missing or no private key of P-256. See [Lost keys](#lost-keys).',
  },
  settings_invalid: {
    refusal: { code: 'settings_invalid' },
    help: 'A variable cannot be read. The line of the log names it and says what would be right.',
  },
  issuer_unavailable: {
    refusal: { code: 'issuer_unavailable' },
    help: 'The keys of an OIDC issuer cannot be read, and none are remembered. See [An issuer is down](#an-issuer-is-down).',
  },
  upstream_unreachable: {
    refusal: { code: 'upstream_unreachable' },
    help: 'The registry, or its token service, refuses connections, or answers 5xx to the gate. Look whether it runs, and at `UPSTREAM`.',
  },
  upstream_timeout: {
    refusal: { code: 'upstream_timeout' },
    help: 'No answer began within `UPSTREAM_TIMEOUT_SECONDS`.',
  },
  upstream_unauthorized: {
    refusal: { code: 'upstream_unauthorized' },
    help: "The gate's own account is refused: a password that ended, or a right that it lacks. See [upstreams.md](upstreams.md).",
  },
  upstream_invalid: {
    refusal: { code: 'upstream_invalid' },
    help: 'The registry answered with what is not a registry answer: a web page, a list that is none, an upload on a foreign host.',
  },
  internal_error: {
    refusal: { code: 'internal_error' },
    help: 'A mistake in the gate. Nothing is allowed by it. Keep the `fault` line of the log, and report it.',
  },
}

const PROBLEMS: Readonly<Record<BundleProblemCode, readonly [what: string, help: string]>> = {
  pointer_missing: ['Nothing lies under the key of the pointer.', 'Push; look at `--pointer` and `POLICY_POINTER`.'],
  manifest_malformed: ['What is stored under the pointer key is not a signed manifest.', 'Push again.'],
  format_unsupported: [
    'It was made by another version of the format.',
    'Deploy the gate of the version that you push with, then push again with `--yes`.',
  ],
  key_unknown: [
    'No key of `POLICY_PUBLIC_KEYS` signed it.',
    'Add the public key and deploy, or push with the right key.',
  ],
  signature_invalid: [
    'The signature does not fit.',
    'Somebody changed the value: find out who may write to the namespace.',
  ],
  pointer_mismatch: [
    'It was signed for another pointer key.',
    'Somebody copied it there: find out who may write to the namespace, and push again.',
  ],
  service_mismatch: [
    'It was signed for another service than `POLICY_SERVICE`, or than the bundle in force.',
    'Push the policies of this service. If the service has a new name, deploy the gate with it in `POLICY_SERVICE`.',
  ],
  expired: ['Its time is over.', 'Push. A bundle is valid for a year unless `--valid-days` says otherwise.'],
  not_yet_valid: ['It was made later than the clock of the edge says.', 'Set the clock of the machine that pushes.'],
  serial_backwards: [
    'It is older than the bundle in force.',
    'To return to older rights use `dockgate rollback`, which makes a new serial.',
  ],
  serial_conflict: [
    'It has the serial of the bundle in force and other content.',
    'Push again, from one place at a time.',
  ],
  shard_missing: ['A part that the manifest names is not there.', 'Wait a minute for KV; then `dockgate push --all`.'],
  shard_digest: ['A part does not have the digest that was signed.', '`dockgate push --all`; find out who may write.'],
  shard_malformed: [
    'A part has the digest that was signed, and cannot be read.',
    'Deploy the gate of the version that you push with.',
  ],
  store_unavailable: ['KV threw, or took more than 5 s.', 'See [KV is down](#kv-is-down).'],
  keys_invalid: ['`POLICY_PUBLIC_KEYS` cannot be read.', 'Set it to the file `policy-public-keys.json`.'],
}

export async function refusalParts(): Promise<Readonly<Record<string, string>>> {
  const rows = await Promise.all(
    Object.entries(REFUSALS).map(async ([reason, { refusal, help }]) => {
      const { status, error, message } = await answered(refusal)
      return [code(reason), String(status), code(error), message, help]
    }),
  )
  const problems = Object.entries(PROBLEMS).map(([problem, [what, help]]) => [code(problem), what, help])
  return {
    refusals: table(['reason', 'status', 'code', 'the client reads', 'what it means, and what to do'], rows),
    'bundle problems': table(['code', 'what happened', 'what to do'], problems),
  }
}

/** The answer to somebody who is logged in as `token:ci`. */
async function answered(refusal: Refusal): Promise<{ status: number; error: string; message: string }> {
  const asker = { method: 'GET', realm: 'https://registry.example.com/token', service: 'registry.example.com' }
  const response = answerTo(refusal, { ...asker, name: 'token:ci', authenticated: true, presented: true })
  const [, error = '', message = ''] = /"code":"(\w+)","message":"((?:[^"\\]|\\.)*)"/.exec(await response.text()) ?? []
  return { status: response.status, error, message }
}
