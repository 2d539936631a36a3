/** The variables and secrets of the Worker that a gate on this machine takes from the environment, by their own names. */

const NAMES = [
  'UPSTREAM',
  'UPSTREAM_AUTHORIZATION',
  'UPSTREAM_USERNAME',
  'UPSTREAM_PASSWORD',
  'UPSTREAM_AUTH_HOSTS',
  'UPSTREAMS',
  'UPLOAD_HOSTS',
  'UPSTREAM_TIMEOUT_SECONDS',
  'MAX_UPLOAD_BYTES',
  'PUBLIC_URL',
  'MAX_STALENESS_SECONDS',
  'METADATA_API',
  'SIGNATURE_TYPES',
  'QUARANTINE_WEBHOOK',
  'QUARANTINE_WEBHOOK_SECRET',
  'POLICY_POINTER',
  'POLICY_SERVICE',
  'POLICY_REFRESH_SECONDS',
  'POLICY_MAX_AGE_SECONDS',
  'STORE_USERNAME',
  'STORE_PASSWORD',
] as const

type Environment = Readonly<Record<string, string | undefined>>

/** The names of those that have a value, with those that the entries of `UPSTREAMS` name. */
export const workerVariables = (environment: Environment): readonly string[] =>
  [...NAMES, ...secretsOf(environment.UPSTREAMS)].filter((name) => (environment[name] ?? '') !== '')

/** The variables that the entries of UPSTREAMS name as their credentials; what is not a list of this kind is for the Worker to refuse. */
function secretsOf(upstreams: string | undefined): readonly string[] {
  const names: string[] = []
  try {
    JSON.parse(upstreams ?? '[]', (key, value: unknown) => {
      if (['username', 'password', 'authorization'].includes(key) && typeof value === 'string') names.push(value)
      return value
    })
  } catch {
    return []
  }
  return names
}
