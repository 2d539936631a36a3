/**
 * The address of an operator, apart from the registry's: health, and metrics in Prometheus' text format. `dockgate serve --admin`
 * listens there. On Cloudflare nothing leads here.
 *
 * Source: Prometheus, "Exposition formats".
 */
import type { Env } from './platform/env.ts'
import { issuerKeysReadAt, requestLines, requestSeconds, upstreamSeconds } from './platform/metrics.ts'
import type { Policies } from './store/store.ts'

/** What the address of an operator depends on. */
export type AdminPorts = {
  readonly policies: Policies<Env>
  /** Answers `/livez` and `/readyz`. */
  readonly health: (request: Request, env: Env, ctx: ExecutionContext) => Response | Promise<Response>
  /** Milliseconds since the epoch. */
  readonly nowMs: () => number
}

/** Makes the handler of the address. */
export const createAdmin =
  ({ policies, health, nowMs }: AdminPorts) =>
  async (request: Request, env: Env, ctx: ExecutionContext): Promise<Response> => {
    const { pathname } = new URL(request.url)
    if (pathname === '/livez' || pathname === '/readyz') return health(request, env, ctx)
    if (pathname !== '/metrics') return new Response('not found\n', { status: 404 })
    const now = Math.floor(nowMs() / 1000)
    // A pointer that is old is read again first. A policy that cannot be read is one of the metrics.
    await Promise.resolve(policies.current(env, ctx, now)).catch(() => undefined)
    const { ready, serial, ageSeconds, lastProblem } = policies.status(env, now)
    const lines = [
      ...metric('dockgate_requests_total', 'counter', 'requests by operation, decision and reason', requestLines()),
      ...metric(
        'dockgate_request_seconds',
        'histogram',
        'time until the answer to a request began',
        requestSeconds.lines('dockgate_request_seconds'),
      ),
      ...metric(
        'dockgate_upstream_seconds',
        'histogram',
        'time until the answer of the registry began',
        upstreamSeconds.lines('dockgate_upstream_seconds'),
      ),
      ...gauge('dockgate_policy_serial', 'serial of the policy bundle in force', serial),
      ...gauge('dockgate_policy_age_seconds', 'age of the policy bundle in force', ageSeconds),
      ...gauge(
        'dockgate_policy_problem',
        '1 if the policy cannot be read or used as it should be',
        ready && lastProblem === undefined ? 0 : 1,
      ),
      // A policy that is only tried out decides nothing yet, so that nothing differs.
      ...metric('dockgate_shadow_differences_total', 'counter', 'requests that a shadow policy decides otherwise', [
        'dockgate_shadow_differences_total{decision="allow"} 0',
        'dockgate_shadow_differences_total{decision="deny"} 0',
      ]),
      ...metric(
        'dockgate_issuer_keys_age_seconds',
        'gauge',
        'time since the keys of an issuer were read',
        Array.from(
          issuerKeysReadAt,
          ([issuer, readAt]) => `dockgate_issuer_keys_age_seconds{issuer="${escaped(issuer)}"} ${now - readAt}`,
        ),
      ),
    ]
    const headers = { 'content-type': 'text/plain; version=0.0.4; charset=utf-8', 'cache-control': 'no-store' }
    return new Response(`${lines.join('\n')}\n`, { headers })
  }

const metric = (name: string, type: string, help: string, samples: readonly string[]): readonly string[] => [
  `# HELP ${name} ${help}`,
  `# TYPE ${name} ${type}`,
  ...samples,
]

/** A gauge that has no value has no sample. */
const gauge = (name: string, help: string, value: number | undefined): readonly string[] =>
  metric(name, 'gauge', help, value === undefined ? [] : [`${name} ${value}`])

const escaped = (label: string): string => label.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
