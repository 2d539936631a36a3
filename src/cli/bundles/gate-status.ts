/** What a running gate says of its policy: its `/readyz`. */

import { CommandError } from '../terminal/command-error.ts'
import { showing } from '../terminal/progress.ts'

/** What a gate says of the policy in force, at `/readyz`. */
export type GatePolicy = {
  readonly serial: number
  readonly label?: string
  readonly keyId?: string
  /** The service and the pointer key of the bundle. */
  readonly service?: string
  readonly pointer?: string
}

const POLL_MS = 500
const TIMEOUT_MS = 180_000

/** The bundle that a gate uses; undefined if it has none. @throws {@link CommandError} 3 if it does not answer */
export const gatePolicy = async (url: string): Promise<GatePolicy | undefined> => policyIn(await readiness(url))

/**
 * Checks that a gate can hold requests to protections.
 *
 * @throws {@link CommandError} 3 if it has no binding `STATE`, or does not answer
 */
export async function requireState(url: string): Promise<void> {
  const body = await readiness(url)
  if (typeof body === 'object' && body !== null && 'state' in body && body.state === 'bound') return
  throw new CommandError(3, `the policies have protections, and the gate at ${url} has no binding STATE for them`, {
    hint: 'add the Durable Object RepositoryState to its wrangler.toml, deploy it, and push again',
  })
}

async function readiness(url: string): Promise<unknown> {
  const endpoint = endpointOf(url)
  try {
    const response = await fetch(endpoint, { signal: AbortSignal.timeout(10_000), redirect: 'error' })
    return await response.json()
  } catch (cause) {
    throw new CommandError(3, `${endpoint} did not answer with a gate's state`, {
      hint: 'give the address of the gate itself, e.g. --url https://registry.example.com',
      cause,
    })
  }
}

/** Which bundle a gate is to use. */
export type BundleName = { readonly serial: number; readonly pointer: string; readonly service: string }

/** Whether a gate has its policy from this pointer, and is of this service; gates of older versions do not say. */
export const isGateOf = (gate: GatePolicy, { pointer, service }: Omit<BundleName, 'serial'>): boolean =>
  (gate.pointer ?? pointer) === pointer && (gate.service ?? service) === service

/**
 * Wait until a gate uses a bundle, or a newer one of the same pointer and service.
 *
 * @returns seconds that it took
 * @throws {@link CommandError} 3 when it takes too long
 */
export async function waitForBundle(url: string, bundle: BundleName): Promise<number> {
  const { serial } = bundle
  const start = performance.now()
  let last: CommandError | undefined
  while (performance.now() - start < TIMEOUT_MS) {
    try {
      const policy = await gatePolicy(url)
      if (policy !== undefined && isGateOf(policy, bundle) && policy.serial >= serial)
        return (performance.now() - start) / 1000
      last = undefined
    } catch (error) {
      if (!(error instanceof CommandError)) throw error
      last = error
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
  throw (
    last ??
    new CommandError(3, `the gate at ${url} does not use bundle ${serial} after ${TIMEOUT_MS / 1000} s`, {
      hint: 'its /readyz says why: an unknown key, another KV namespace, another pointer or another service',
    })
  )
}

function endpointOf(url: string): string {
  if (!URL.canParse(url)) {
    throw new CommandError(2, `'${url}' is not a URL`, { hint: 'e.g. --url https://registry.example.com' })
  }
  return new URL('/readyz', url).href
}

function policyIn(body: unknown): GatePolicy | undefined {
  if (typeof body !== 'object' || body === null) return undefined
  if ('policy' in body) return policyIn(body.policy)
  if (!('serial' in body) || typeof body.serial !== 'number') return undefined
  const texts = (['label', 'keyId', 'service', 'pointer'] as const).flatMap((name) => {
    const value: unknown = Reflect.get(body, name)
    return typeof value === 'string' ? [[name, value] as const] : []
  })
  return { serial: body.serial, ...Object.fromEntries(texts) }
}

/**
 * {@link waitForBundle}, and says so on a terminal while it waits.
 *
 * @returns seconds
 */
export async function waitUntilInForce(url: string, bundle: BundleName): Promise<number> {
  return showing(`waiting for ${url} to use bundle ${bundle.serial}`, () => waitForBundle(url, bundle))
}
