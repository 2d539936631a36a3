/** Calls the Durable Object of a repository. Each method throws {@link Fault} `state_unavailable`: a call that fails or takes too long allows nothing. */
import type { RepositoryName } from '../../registry/name.ts'
import type { Env } from '../platform/env.ts'
import { Fault } from '../platform/fault.ts'
import { TIMED_OUT, within } from '../platform/timeout.ts'
import type { Upstream } from '../upstream/upstream.ts'
import type { StateCalls } from './state/calls.ts'

/** How long one call may take. */
const CALL_TIMEOUT_MS = 5000

/**
 * The name of the object of a repository: the registry's URL and its own name of the repository. So a repository has one
 * object, whatever hosts and prefixes of the gate lead to it. Never changes: another name would be an empty state.
 */
export const objectNameOf = (upstream: Upstream, repository: RepositoryName): string =>
  `${registryObjectName(upstream)} ${nameAtUpstream(upstream, repository)}`

/** The name of the object of a whole registry: it keeps which repositories its lists leave out. Not that of any repository. */
export const registryObjectName = ({ origin, basePath }: Upstream): string => `${origin}${basePath}`

/** The registry's own name of a repository. */
export function nameAtUpstream({ named }: Upstream, repository: RepositoryName): string {
  const request = named?.({ operation: 'listTags', method: 'GET', name: repository, paging: {} })
  return (request !== undefined && 'name' in request ? request.name : undefined) ?? repository
}

/**
 * The state of a repository.
 *
 * @param name as {@link objectNameOf} makes it
 * @throws Fault `state_unavailable` without the binding `STATE`
 */
export function stateOf({ STATE }: Pick<Env, 'STATE'>, name: string): StateCalls {
  if (STATE === undefined) {
    throw new Fault(
      'state_unavailable',
      'protections and locks need the binding STATE, which the gate does not have: add it',
    )
  }
  const stub = STATE.getByName(name)
  return new Proxy(stub, {
    get:
      (target, method) =>
      async (...args: readonly unknown[]) => {
        const answer = await within(
          CALL_TIMEOUT_MS,
          attempt(async () => Reflect.apply(Reflect.get(target, method), target, args)),
        )
        if (answer !== TIMED_OUT) return answer
        throw new Fault('state_unavailable', `the state of a repository did not answer in ${CALL_TIMEOUT_MS / 1000} s`)
      },
  })
}

async function attempt<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (cause) {
    throw new Fault('state_unavailable', 'the state of a repository could not be read or written', { cause })
  }
}
