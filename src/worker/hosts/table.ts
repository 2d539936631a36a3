/**
 * `UPSTREAMS`: several registries behind one gate, chosen by the host of the request and by a prefix of the repository name.
 * The table is read strictly: with a mistake in it the gate answers 503, and never guesses.
 */
import { isRecord } from '../../base/json.ts'
import { Fault } from '../platform/fault.ts'
import { httpUrl, isSet } from '../platform/settings.ts'

/** One entry of the table. docs/upstreams.md explains the keys. */
export type Entry = {
  /** The name of the entry in messages: `UPSTREAMS[0]`. */
  readonly label: string
  /** `name` or `name:port` of the gate; absent: every host without an entry of its own. */
  readonly host?: string
  /** `team/`, or empty for repositories that have no other prefix of the table. */
  readonly prefix: string
  /** Whether the upstream's repository names lack the prefix. */
  readonly stripPrefix: boolean
  readonly url: URL
  /** Name of a service binding that is used instead of the network. */
  readonly binding?: string
  /** Names of secrets. */
  readonly username?: string
  readonly password?: string
  readonly authorization?: string
  /** Key of the policy pointer in KV. It is for the whole host. */
  readonly pointer?: string
  /** The only service whose bundles are accepted for this host, instead of `POLICY_SERVICE`. */
  readonly service?: string
}

const HOST = /^[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?(?::\d{1,5})?$/
const PREFIX = /^(?:[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*\/)+$/
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/
/** A KV key without the separators of the gate's other keys. */
const POINTER = /^[A-Za-z0-9_.-]{1,128}$/
/** A host name, with a port or without, as `registry.service` of a policy has it. */
const SERVICE = /^[\x21-\x7e]{1,255}$/

const KEYS = [
  'host',
  'prefix',
  'stripPrefix',
  'url',
  'binding',
  'username',
  'password',
  'authorization',
  'pointer',
  'service',
]

/**
 * Reads `UPSTREAMS`: a JSON list with at least one entry. No two entries have the same host and prefix.
 *
 * @throws Fault `settings_invalid`, which names the entry, what is wrong, and what would be right
 */
export function parseTable(text: string): readonly Entry[] {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw invalid('UPSTREAMS', 'is not JSON: write a list of objects, [{"host":"a.example","url":"https://…"}]')
  }
  if (!Array.isArray(value) || value.length === 0) throw invalid('UPSTREAMS', 'must be a list with at least one entry')
  const entries = value.map((item: unknown, index) => readEntry(item, `UPSTREAMS[${index}]`))
  const seen = new Map<string, string>()
  for (const { host = '', prefix, label } of entries) {
    const key = `${host} ${prefix}`
    const other = seen.get(key)
    if (other !== undefined) throw invalid(label, `takes the same host and prefix as ${other}: remove one of them`)
    seen.set(key, label)
  }
  return entries
}

function readEntry(item: unknown, label: string): Entry {
  if (!isRecord(item)) throw invalid(label, 'must be an object')
  const unknown = Object.keys(item).find((key) => !KEYS.includes(key))
  if (unknown !== undefined)
    throw invalid(label, `has the unknown key ${JSON.stringify(unknown)}: there are ${KEYS.join(', ')}`)
  const read = (key: string, form: RegExp, example: string): string | undefined => {
    const value = item[key]
    if (value === undefined) return undefined
    if (typeof value !== 'string' || !form.test(value))
      throw invalid(`${label}.${key}`, `must be written like ${example}`)
    return value
  }
  const host = read('host', HOST, '"a.example" or "a.example:8443", in lower case')
  const prefix = read('prefix', PREFIX, '"team/": whole parts of a repository name, with a slash at the end') ?? ''
  const binding = read('binding', VARIABLE, '"REGISTRY_A": the name of a service binding')
  const username = read('username', VARIABLE, '"TEAM_USERNAME": the name of a secret that holds it')
  const password = read('password', VARIABLE, '"TEAM_PASSWORD": the name of a secret that holds it')
  const authorization = read('authorization', VARIABLE, '"TEAM_AUTHORIZATION": the name of a secret that holds it')
  const pointer = read('pointer', POINTER, '"pointer-team": letters, digits, dots and dashes')
  const service = read('service', SERVICE, '"registry.example.com": as registry.service of the policy')
  const { stripPrefix = false, url } = item
  if (typeof stripPrefix !== 'boolean') throw invalid(`${label}.stripPrefix`, 'must be true or false')
  for (const [key, value] of [
    ['pointer', pointer],
    ['service', service],
  ]) {
    if (value === undefined || prefix === '') continue
    throw invalid(`${label}.${key}`, 'belongs to the entry without a prefix: a host has one policy, and rights by name')
  }
  if (stripPrefix && prefix === '') throw invalid(`${label}.stripPrefix`, 'needs a prefix to strip')
  if (typeof url !== 'string' && !(url === undefined && binding !== undefined)) {
    throw invalid(`${label}.url`, 'must be the URL of a registry, or be left out next to a binding')
  }
  return {
    label,
    prefix,
    stripPrefix,
    // A binding has no address. Its name is unique, so it serves as a host name.
    url: httpUrl(`${label}.url`, typeof url === 'string' ? url : `https://${binding}.binding`),
    ...(host === undefined ? {} : { host }),
    ...(binding === undefined ? {} : { binding }),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(authorization === undefined ? {} : { authorization }),
    ...(pointer === undefined ? {} : { pointer }),
    ...(service === undefined ? {} : { service }),
  }
}

/**
 * The value of the variable or secret that an entry names; undefined if it names none.
 *
 * @throws Fault `settings_invalid` when the secret is not set
 */
export function namedSecret(env: object, { label }: Entry, key: string, name: string | undefined): string | undefined {
  if (name === undefined) return undefined
  const value: unknown = Reflect.get(env, name)
  if (typeof value === 'string' && isSet(value)) return value
  throw invalid(`${label}.${key}`, `names the secret ${name}, which is not set`)
}

/** A fault about one part of the table. */
export const invalid = (where: string, what: string): Fault => new Fault('settings_invalid', `${where} ${what}`)
