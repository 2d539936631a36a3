/**
 * The policy in force. The store reads the pointer from KV and verifies the bundle. A verified bundle takes effect in one
 * step. If the next bundle is invalid, missing or unreadable, the last good one stays. The store never uses an empty policy
 * instead, and one request never sees two bundles: it gets one view. docs/decisions/0006-bundle-freshness.md has the reasons for
 * the bounds.
 */

import { err, ok, type Result } from '../../base/result.ts'
import { parsePublicKeys, type VerificationKeys } from '../../bundle/keys.ts'
import { digestAt, type Manifest, shardCount } from '../../bundle/manifest.ts'
import type { BundleProblem } from '../../bundle/problem.ts'
import { admit, type BundleContext, type VerifiedManifest, verifyManifest } from '../../bundle/verify.ts'
import type { EpochSeconds } from '../../policy/model.ts'
import type { Background } from '../platform/background.ts'
import type { Env, PolicyKv } from '../platform/env.ts'
import { Fault } from '../platform/fault.ts'
import { DEFAULT_POINTER, isSet, perIsolate } from '../platform/settings.ts'
import { within } from '../platform/timeout.ts'
import { type Bounds, readBounds } from './bounds.ts'
import type { PolicyView } from './policy-view.ts'
import { READ_TIMEOUT_MS, readPointer, readShard } from './reader.ts'
import { Shards } from './shards.ts'
import { openView } from './view.ts'

/** The bindings and variables that the store reads. */
export type StoreEnv = Pick<
  Env,
  | 'POLICY_PUBLIC_KEYS'
  | 'POLICY_POINTER'
  | 'POLICY_SERVICE'
  | 'POLICY_REFRESH_SECONDS'
  | 'POLICY_MAX_AGE_SECONDS'
  | 'MAX_STALENESS_SECONDS'
  | 'STATE'
>

/** The status of the policy, as `/readyz` reports it. */
export type PolicyStatus = {
  /** Whether there is a policy that may be used. */
  readonly ready: boolean
  readonly serial?: number
  /** What the bundle was made from; absent if the push gave no label. */
  readonly label?: string
  /** The service and the pointer key for which the bundle was signed. */
  readonly service?: string
  readonly pointer?: string
  readonly keyId?: string
  readonly created?: EpochSeconds
  readonly expires?: EpochSeconds
  /** Age of the bundle. */
  readonly ageSeconds?: number
  /** Time since the pointer was last read and verified. */
  readonly checkedSecondsAgo?: number
  /** Why the last attempt to use the pointer or a shard failed. */
  readonly lastProblem?: BundleProblem
  readonly bounds: Bounds
  /** Whether the gate has the binding `STATE`, which protections need. */
  readonly state: 'bound' | 'missing'
  readonly warnings: readonly string[]
}

/** How long before a bundle's expiry to start warning. */
const EXPIRY_WARNING_SECONDS = 30 * 86_400

/** How many shards to read at most before a new bundle takes effect. */
const MAX_READ_AHEAD = 200

type InForce = { readonly pointer: string; readonly manifest: Manifest; readonly view: PolicyView }

/** The policy of one pointer in one store. {@link createPolicies} keeps one for each environment. */
export class PolicyStore {
  readonly #env: StoreEnv
  readonly #kv: PolicyKv
  /** The pointer and the service that a bundle must be signed for. */
  readonly #context: BundleContext
  readonly #bounds: Bounds
  readonly #shards: Shards
  #keys: VerificationKeys | undefined
  #inForce: InForce | undefined
  #checkedAt = Number.NEGATIVE_INFINITY
  #attempt: { readonly startedAt: EpochSeconds; readonly done: Promise<void> } | undefined
  #attemptedAt = Number.NEGATIVE_INFINITY
  #pointerProblem: BundleProblem | undefined
  #shardProblem: BundleProblem | undefined
  /** The last line of the log. An equal line is not written again. */
  #logged = ''
  readonly #write: (line: string) => void

  /**
   * @param write gets each line of the log, as JSON; default: `console.log`
   * @throws Fault `settings_invalid`
   */
  constructor(env: StoreEnv, kv: PolicyKv, write: (line: string) => void = writeLine) {
    this.#env = env
    this.#kv = kv
    this.#context = {
      pointer: isSet(env.POLICY_POINTER) ? env.POLICY_POINTER : DEFAULT_POINTER,
      ...(isSet(env.POLICY_SERVICE) ? { service: env.POLICY_SERVICE } : {}),
    }
    this.#write = write
    this.#bounds = readBounds(env)
    this.#shards = new Shards((digest, fresh) => readShard(kv, digest, fresh))
  }

  /**
   * The policy for one request: a value if it is fresh enough, else a promise that settles after one read of KV, which is
   * bounded in time.
   *
   * @throws Fault `policy_unavailable` (as a rejection) when no policy may be used
   */
  current(background: Background, now: EpochSeconds): PolicyView | Promise<PolicyView> {
    const { refreshSeconds, maxAgeSeconds } = this.#bounds
    const view = this.#usable(now)
    if (view === undefined) return this.#afterRefresh(background, now)
    const age = now - this.#checkedAt
    if (age < refreshSeconds) return view
    const sinceAttempt = now - this.#attemptedAt
    // The request that found KV failing has waited for it. Later requests need not wait while attempts go on.
    const isFailing = this.#pointerProblem !== undefined && sinceAttempt <= maxAgeSeconds
    if (age > maxAgeSeconds && !isFailing) return this.#afterRefresh(background, now)
    if (sinceAttempt >= refreshSeconds) this.#refresh(background, now)
    return view
  }

  /** The present status. Reads nothing. */
  status(now: EpochSeconds): PolicyStatus {
    const view = this.#inForce?.view
    const problem = this.#pointerProblem ?? this.#shardProblem
    return {
      ready: this.#usable(now) !== undefined,
      ...(view === undefined
        ? {}
        : {
            serial: view.serial,
            ...(view.label === undefined ? {} : { label: view.label }),
            service: view.common.service,
            pointer: this.#context.pointer,
            keyId: view.keyId,
            created: view.created,
            expires: view.expires,
            ageSeconds: Math.max(0, Math.floor(now - view.created)),
            checkedSecondsAgo: Math.max(0, Math.floor(now - this.#checkedAt)),
          }),
      ...(problem === undefined ? {} : { lastProblem: problem }),
      bounds: this.#bounds,
      state: this.#env.STATE === undefined ? 'missing' : 'bound',
      warnings: this.#warnings(now),
    }
  }

  #usable(now: EpochSeconds): PolicyView | undefined {
    const view = this.#inForce?.view
    if (view === undefined || now >= view.expires) return undefined
    return now - this.#checkedAt > this.#bounds.maxStalenessSeconds ? undefined : view
  }

  async #afterRefresh(background: Background, now: EpochSeconds): Promise<PolicyView> {
    await within(READ_TIMEOUT_MS, this.#refresh(background, now))
    const view = this.#usable(now)
    if (view !== undefined) return view
    throw new Fault('policy_unavailable', this.#whyNone(now))
  }

  #whyNone(now: EpochSeconds): string {
    const problem = this.#pointerProblem?.message ?? 'the store did not answer in time'
    const view = this.#inForce?.view
    if (view === undefined) return `the gate has no policy yet: ${problem}`
    if (now >= view.expires) return `bundle ${view.serial} has expired, and no other was found: ${problem}`
    return `the policy was last verified ${Math.floor(now - this.#checkedAt)} s ago, more than MAX_STALENESS_SECONDS allows: ${problem}`
  }

  /** One refresh at a time. A slow one may belong to a request that has ended, so after the timeout a new one starts. */
  #refresh(background: Background, now: EpochSeconds): Promise<void> {
    const running = this.#attempt
    if (running !== undefined && now - running.startedAt < READ_TIMEOUT_MS / 1000) return running.done
    this.#attemptedAt = now
    const attempt = {
      startedAt: now,
      done: this.#advance(now).then((result) => {
        this.#pointerProblem = result.ok ? undefined : result.error
        if (result.ok) this.#checkedAt = Math.max(this.#checkedAt, now)
        if (this.#attempt === attempt) this.#attempt = undefined
        this.#log(now)
      }),
    }
    this.#attempt = attempt
    background.waitUntil(attempt.done)
    return attempt.done
  }

  /** Reads the pointer. If it changed and its bundle is admitted, the bundle takes effect. Never rejects. */
  async #advance(now: EpochSeconds): Promise<Result<void, BundleProblem>> {
    const pointer = await readPointer(this.#kv, this.#context.pointer)
    if (!pointer.ok) return pointer
    if (pointer.value === this.#inForce?.pointer) return ok(undefined)
    const verified = await this.#verify(pointer.value)
    if (!verified.ok) return verified
    const admitted = admit(verified.value, this.#context, this.#inForce?.manifest, now)
    if (!admitted.ok) return admitted
    const readAhead = await this.#readAhead(admitted.value)
    if (!readAhead.ok) return readAhead
    // Another refresh may have finished while this one was reading.
    if (pointer.value === this.#inForce?.pointer) return ok(undefined)
    const stillAdmitted = admit(verified.value, this.#context, this.#inForce?.manifest, now)
    if (!stillAdmitted.ok) return stillAdmitted
    this.#shardProblem = undefined
    const report = (problem: BundleProblem | undefined) => {
      if (problem === this.#shardProblem) return
      this.#shardProblem = problem
      this.#log(this.#attemptedAt)
    }
    const view = openView(verified.value, this.#shards, report)
    this.#inForce = { pointer: pointer.value, manifest: admitted.value, view }
    return ok(undefined)
  }

  async #verify(pointer: string): Promise<Result<VerifiedManifest, BundleProblem>> {
    try {
      this.#keys ??= await parsePublicKeys(this.#env.POLICY_PUBLIC_KEYS)
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      return err({ code: 'keys_invalid', message: `POLICY_PUBLIC_KEYS cannot be read: ${why}` })
    }
    return verifyManifest(pointer, this.#keys, this.#context)
  }

  /** Reads the changed versions of the shards in use, so that no request waits for them after the new bundle takes effect. */
  async #readAhead(next: Manifest): Promise<Result<void, BundleProblem>> {
    const previous = this.#inForce?.manifest
    if (previous === undefined || previous.shards === next.shards) return ok(undefined)
    const wanted = new Set<string>()
    for (let index = 0; index < shardCount(next) && wanted.size < MAX_READ_AHEAD; index++) {
      const digest = digestAt(next, index)
      if (!this.#shards.has(digest) && sameRange(index, next, previous, this.#shards)) wanted.add(digest)
    }
    const loaded = await Promise.all([...wanted].map((digest) => this.#shards.load(digest)))
    return loaded.find((shard) => !shard.ok) ?? ok(undefined)
  }

  #warnings(now: EpochSeconds): readonly string[] {
    const view = this.#inForce?.view
    if (view === undefined) return []
    const { serial, expires, common } = view
    const warnings: string[] = []
    if (expires - now <= EXPIRY_WARNING_SECONDS) {
      const days = Math.max(0, Math.floor((expires - now) / 86_400))
      warnings.push(`bundle ${serial} expires in ${days} days; run dockgate push`)
    }
    if (common.protections !== undefined && this.#env.STATE === undefined) {
      warnings.push(
        `bundle ${serial} has protections and the gate has no binding STATE: what they cover gets 503; add the binding`,
      )
    }
    return warnings
  }

  /** Writes one line for each change: a new bundle, a problem, the end of a problem, a warning. */
  #log(now: EpochSeconds): void {
    const { serial, label, keyId, lastProblem, warnings } = this.status(now)
    const facts = { kind: 'policy', serial, label, keyId, problem: lastProblem, warnings }
    const line = JSON.stringify(facts)
    if (line === this.#logged) return
    this.#logged = line
    this.#write(line)
  }
}

/** Whether a shard of `previous` that is in use has principals that belong to shard `index` of `next`. */
function sameRange(index: number, next: Manifest, previous: Manifest, shards: Shards): boolean {
  const finer = previous.bits - next.bits
  if (finer <= 0) return shards.has(digestAt(previous, index >> -finer))
  for (let part = index << finer; part < (index + 1) << finer; part++) {
    if (shards.has(digestAt(previous, part))) return true
  }
  return false
}

const writeLine = (line: string): void => console.log(line)

/** The policies of a gate: one store for each environment, for the lifetime of the isolate. */
export type Policies<E> = {
  /**
   * The policy in force; see `PolicyStore.current`.
   *
   * @throws Fault `settings_invalid`; `policy_unavailable` (as a rejection) when no policy may be used
   */
  readonly current: (env: E, background: Background, now: EpochSeconds) => PolicyView | Promise<PolicyView>
  /** The status for `/readyz`. It reads nothing: call {@link Policies.current} first. */
  readonly status: (env: E, now: EpochSeconds) => PolicyStatus
}

/** @param open gives what holds the bundles of an environment */
export function createPolicies<E extends StoreEnv>(open: (env: E) => PolicyKv): Policies<E> {
  const storeOf = perIsolate<PolicyStore, E>((env) => new PolicyStore(env, open(env)))
  return {
    current: (env, background, now) => storeOf(env).current(background, now),
    status: (env, now) => storeOf(env).status(now),
  }
}
