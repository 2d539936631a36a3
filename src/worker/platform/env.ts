/**
 * The bindings, variables and secrets of the Worker. Cloudflare gives variables and secrets as text; `./settings.ts` reads
 * them once per isolate.
 */
import type { Fetcher, RateLimit } from '@cloudflare/workers-types'
import type { StateCalls } from '../protections/state/calls.ts'

/** The methods of a KV namespace that the gate uses. */
export type PolicyKv = {
  get(key: string, options: { type: 'text'; cacheTtl: number }): Promise<string | null>
  get(key: string, options: { type: 'arrayBuffer'; cacheTtl: number }): Promise<ArrayBuffer | null>
}

/** The environment of the Worker. docs/deployment.md explains each variable. */
export type Env = {
  /** Policy bundles: one pointer and content-addressed shards. */
  readonly POLICY?: PolicyKv
  /** An artifact that holds the bundles, in place of KV: `oci://host/repository:tag`; and the credential for its registry. */
  readonly POLICY_STORE?: string
  readonly STORE_USERNAME?: string
  readonly STORE_PASSWORD?: string
  /** JWKS of the public keys that may sign policy bundles. */
  readonly POLICY_PUBLIC_KEYS: string
  /** Private JWK, or a JWKS of several: the first one signs, all of them are accepted. */
  readonly TOKEN_SIGNING_KEY: string
  /** Base URL of the registry. If the service binding REGISTRY exists, requests go through it instead of the network. */
  readonly UPSTREAM?: string
  readonly REGISTRY?: Pick<Fetcher, 'fetch'>
  /** Credentials for the upstream: a whole `Authorization` value, or user name and password. */
  readonly UPSTREAM_AUTHORIZATION?: string
  readonly UPSTREAM_USERNAME?: string
  readonly UPSTREAM_PASSWORD?: string
  /** Other hosts than the upstream's own that its token realm may name: `upstream-host=auth-host`, separated by commas. */
  readonly UPSTREAM_AUTH_HOSTS?: string
  /** Hosts that an upload's `Location` may name, separated by commas. */
  readonly UPLOAD_HOSTS?: string
  /** Several upstreams, as JSON: see docs/upstreams.md. */
  readonly UPSTREAMS?: string
  /** Seconds to wait for the first byte of the upstream's response; default: only the platform's limit. */
  readonly UPSTREAM_TIMEOUT_SECONDS?: string
  /** Largest request body, in bytes; default: only the platform's limit. */
  readonly MAX_UPLOAD_BYTES?: string
  /** Public origin of the gate, e.g. `https://registry.example.com`; default: that of the request. */
  readonly PUBLIC_URL?: string
  /** Name of the pointer key in KV; default `pointer`. */
  readonly POLICY_POINTER?: string
  /** The only service whose bundles are accepted, e.g. `registry.example.com`; default: that of the bundle in force. */
  readonly POLICY_SERVICE?: string
  /** Seconds after which the pointer is read again in the background, after the response; default 10. */
  readonly POLICY_REFRESH_SECONDS?: string
  /** Seconds after which the pointer is read again before the response; default 30. */
  readonly POLICY_MAX_AGE_SECONDS?: string
  /** Seconds without a readable pointer after which every request is answered with 503; default 21600. */
  readonly MAX_STALENESS_SECONDS?: string
  /** The state of protected repositories: the Durable Object `RepositoryState`. Absent: protected changes get 503. */
  readonly STATE?: { getByName(name: string): StateCalls }
  /** URL that gets an event for each manifest that is pushed into a quarantine; the secret signs the events. */
  readonly QUARANTINE_WEBHOOK?: string
  readonly QUARANTINE_WEBHOOK_SECRET?: string
  /** Artifact types that `sign/write` may push, separated by commas; default: those of notation, cosign and in-toto. */
  readonly SIGNATURE_TYPES?: string
  /** `gate`: the gate answers Azure's metadata API itself, and keeps locks. Default `registry`: the registry answers it. */
  readonly METADATA_API?: string
  /**
   * The header in which a trusted proxy gives the client's address, as its last value; `none`: nobody gives it. Absent: the
   * gate is behind Cloudflare, which gives it. `dockgate serve` always sets it.
   */
  readonly CLIENT_IP_HEADER?: string
  /** Counts failed logins. Absent: logins are not counted. */
  readonly LOGIN_LIMIT?: RateLimit
}
