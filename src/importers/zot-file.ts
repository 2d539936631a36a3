/**
 * The access control of a zot configuration, as zot reads it: keys in lower case, one value for a list of one, numbers for
 * texts, and mappings without a value as if they were not there. What zot refuses, or its versions read in different ways,
 * is refused with the place.
 *
 * Source: zot, its configuration structures and LoadConfiguration; spf13/viper, functions AllSettings and
 * insensitiviseMap; mitchellh/mapstructure with WeaklyTypedInput; encoding/json, gopkg.in/yaml.v2 and yaml.v3.
 */
import { formatSource } from '../files/problem.ts'
import type { Source } from '../policy/model.ts'
import { type Foreign, type ForeignEntry, nounOf, readForeign, refuse } from './foreign.ts'
import { isDoublestar } from './glob.ts'
import { ImportError } from './input.ts'

/** A text of the file, with its place. */
export type Text = { readonly text: string; readonly source: Source }
/** A list and the place of it. */
export type Texts = { readonly items: readonly Text[]; readonly source: Source }

/** One policy of `accessControl`: users, groups and their actions. */
export type ZotPolicy = {
  readonly source: Source
  readonly users: Texts
  readonly groups: Texts
  readonly actions: Texts
  /** Where conditions are written; undefined if there are none. */
  readonly conditions?: Source
}

/** The policies of one repository pattern. */
export type ZotRepositories = {
  /** In lower case. */
  readonly pattern: string
  readonly source: Source
  readonly policies: readonly ZotPolicy[]
  readonly defaultPolicy: Texts
  readonly anonymousPolicy: Texts
}

/** What is read of `http.accessControl` of a zot configuration. */
export type AccessControl = {
  readonly source: Source
  readonly repositories: readonly ZotRepositories[]
  /** Patterns whose mapping holds no value: zot does not see them. */
  readonly unseen: readonly Text[]
  readonly adminPolicy?: ZotPolicy
  /** Members by group, in lower case. */
  readonly groups: ReadonlyMap<string, readonly Text[]>
  readonly metrics?: Source
}

const CONTROL_KEYS = ['repositories', 'adminpolicy', 'groups', 'metrics']
const POLICY_KEYS = ['users', 'groups', 'actions', 'conditions']
const GROUP_KEYS = ['policies', 'defaultpolicy', 'anonymouspolicy']
/** Words that are not text to every YAML library. */
const WORDS = /^(?:y|yes|n|no|on|off)$/i
const NULL = /^(?:|~|null|Null|NULL)$/
const BOOLEAN = /^(?:true|True|TRUE|false|False|FALSE)$/
const NUMBER = /^-?(?:0|[1-9]\d{0,14})(?:\.\d{1,15})?$/
const QUOTE = 'quote it'

/** @throws {@link ImportError} when zot would not start with the file, or it cannot be read in one way */
export function readZot(file: string, text: string): AccessControl {
  const root = new Reader(file, text).root()
  const http = root === undefined ? undefined : fieldOf(mapping(root, 'the configuration'), 'http')
  const control = http === undefined ? undefined : fieldOf(mapping(http.value, 'http'), 'accesscontrol')
  if (control === undefined) {
    throw new ImportError(
      `${file} has no http.accessControl`,
      'without it zot lets everybody who signs in do everything',
    )
  }
  return readControl(control.value, control.source)
}

class Reader {
  readonly #file: string
  readonly #text: string

  constructor(file: string, text: string) {
    this.#file = file
    this.#text = text
  }

  root(): Foreign | undefined {
    const start = { file: this.#file, line: 1, column: 1 }
    const extension = /\.([a-z0-9]+)$/i.exec(this.#file)?.[1]?.toLowerCase() ?? ''
    if (['toml', 'hcl', 'tfvars', 'ini', 'properties', 'props', 'prop', 'dotenv', 'env'].includes(extension)) {
      refuse(start, `zot reads the file as ${extension}, which is not understood here`, 'convert it to JSON')
    }
    const root = readForeign(this.#file, this.#text, true)
    if (extension === 'json' && root !== undefined) {
      try {
        JSON.parse(this.#text)
      } catch (cause) {
        throw new ImportError(`${formatSource(start)}: not valid JSON: ${reasonOf(cause)}`, 'zot reads it as JSON')
      }
    }
    return root
  }
}

const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

function readControl(value: Foreign, source: Source): AccessControl {
  const entries = mapping(value, 'accessControl')
  const own = fieldOf(entries, 'repositories')
  const holder = own === undefined ? entries : mapping(own.value, 'repositories')
  if (own !== undefined) known(entries, CONTROL_KEYS, 'accessControl')
  else checkKeys(entries)
  const isOther = (key: string) => own === undefined && CONTROL_KEYS.includes(key)
  const patterns = holder.filter(({ key }) => !isOther(lower(key)))
  const admin = fieldOf(entries, 'adminpolicy')
  const metrics = fieldOf(entries, 'metrics')
  const groups = fieldOf(entries, 'groups')
  checkKeys(holder)
  return {
    source,
    repositories: patterns.filter(({ value }) => isSeen(value)).map(readRepositories),
    unseen: patterns.filter(({ value }) => !isSeen(value)).map(({ key }) => ({ text: lower(key), source: key.source })),
    ...(admin === undefined ? {} : { adminPolicy: readPolicy(admin.value, admin.source) }),
    groups: readGroups(groups?.value),
    ...(metrics === undefined ? {} : { metrics: metrics.source }),
  }
}

function readGroups(value: Foreign | undefined): ReadonlyMap<string, readonly Text[]> {
  const entries = value === undefined ? [] : mapping(value, 'groups')
  checkKeys(entries)
  return new Map(
    entries
      .filter((entry) => isSeen(entry.value))
      .map(({ key, value: group }) => {
        const fields = mapping(group, 'a group')
        known(fields, ['users'], 'a group')
        return [lower(key), texts(fields, 'users', key.source).items]
      }),
  )
}

function readRepositories({ key, value }: ForeignEntry): ZotRepositories {
  const fields = mapping(value, 'the value of a pattern')
  known(fields, GROUP_KEYS, 'the value of a pattern')
  const pattern = lower(key)
  if (!isDoublestar(pattern)) refuse(key.source, `${pattern} is not a pattern`, 'zot refuses it')
  const policies = fieldOf(fields, 'policies')
  return {
    pattern,
    source: key.source,
    policies: policies === undefined ? [] : several(policies.value).map((policy) => readPolicy(policy, policy.source)),
    defaultPolicy: texts(fields, 'defaultpolicy', key.source),
    anonymousPolicy: texts(fields, 'anonymouspolicy', key.source),
  }
}

function readPolicy(value: Foreign, source: Source): ZotPolicy {
  const fields = mapping(value, 'a policy')
  known(fields, POLICY_KEYS, 'a policy')
  const conditions = fields.find(({ key }) => lower(key) === 'conditions')
  const isConditional = conditions !== undefined && !isNull(conditions.value) && several(conditions.value).length > 0
  if (isConditional) for (const condition of several(conditions.value)) mapping(condition, 'a condition')
  return {
    source,
    users: texts(fields, 'users', source),
    groups: texts(fields, 'groups', source),
    actions: texts(fields, 'actions', source),
    ...(isConditional ? { conditions: conditions.key.source } : {}),
  }
}

/** A list; an empty mapping is an empty one, and any other value a list of one. */
function several(value: Foreign): readonly Foreign[] {
  if (value.kind === 'list') return value.items
  return value.kind === 'mapping' && value.entries.length === 0 ? [] : [value]
}

function texts(fields: readonly ForeignEntry[], key: string, otherwise: Source): Texts {
  const found = fields.find((field) => lower(field.key) === key)
  if (found === undefined || isNull(found.value)) return { items: [], source: otherwise }
  const { key: name, value } = found
  if (value.kind === 'mapping') refuse(value.source, `${name.text} must be a list of texts, and is a mapping`)
  if (value.kind === 'scalar' && (value.text === '' || value.text.includes(','))) {
    refuse(value.source, `the versions of zot read "${value.text}" as different lists`, 'write a list, in brackets')
  }
  return { items: several(value).map((item) => textOf(item, name.text)), source: name.source }
}

/** A scalar as text: numbers and truth values too, as long as every library writes them alike. */
function textOf(value: Foreign, what: string): Text {
  if (value.kind !== 'scalar') refuse(value.source, `${what} must hold texts, and holds ${nounOf(value)}`)
  const { text, source, isPlain } = value
  if (!isPlain) return { text, source }
  if (NULL.test(text)) return { text: '', source }
  if (BOOLEAN.test(text)) return { text: text.toLowerCase() === 'true' ? '1' : '0', source }
  if (NUMBER.test(text) && !text.startsWith('-0')) {
    const written = String(Number(text))
    if (!written.includes('e')) return { text: written, source }
  }
  if (!isSurelyText(text)) refuse(source, `${text} is not read in one way by all versions of zot`, QUOTE)
  return { text, source }
}

/** Whether every YAML library takes a plain scalar for text. */
function isSurelyText(text: string): boolean {
  if (NULL.test(text) || BOOLEAN.test(text) || WORDS.test(text) || /^[+-]?\.(?:inf|nan)$/i.test(text)) return false
  if (!/^[+\-.]?\.?\d/.test(text)) return true
  return /^\d+[a-z/*?-]/i.test(text) && !/^(?:0[xob]|\d+e|\d{4}-\d)/i.test(text)
}

const isNull = (value: Foreign): boolean => value.kind === 'scalar' && value.isPlain && NULL.test(value.text)

/** Whether anything is left of a value: viper flattens a configuration into its values, and drops nulls. */
const isSeen = (value: Foreign): boolean =>
  value.kind === 'mapping' ? value.entries.some((entry) => isSeen(entry.value)) : !isNull(value)

/** The value of a key in lower case, and where it is; undefined for what viper does not see. */
function fieldOf(
  entries: readonly ForeignEntry[],
  wanted: string,
): { readonly value: Foreign; readonly source: Source } | undefined {
  checkKeys(entries)
  const found = entries.find(({ key }) => lower(key) === wanted)
  return found === undefined || !isSeen(found.value) ? undefined : { value: found.value, source: found.key.source }
}

/** Keys that viper makes one, or several of one. */
function checkKeys(entries: readonly ForeignEntry[]): void {
  const seen = new Map<string, Source>()
  for (const { key } of entries) {
    const name = lower(key)
    const first = seen.get(name)
    if (first !== undefined) {
      const what = `zot does not tell ${key.text} from the key at ${formatSource(first)}, and takes one of them by chance`
      refuse(key.source, what, 'keep one of them')
    }
    seen.set(name, key.source)
  }
}

function lower({ text, source, isPlain }: ForeignEntry['key']): string {
  if (/[^\x20-\x7e]/.test(text)) refuse(source, 'a key is plain ASCII text', 'no repository has another name')
  if (text.includes('::')) refuse(source, `zot splits the key ${text} at "::"`, 'rename it')
  // Some libraries make the key a number, and it may end as another text.
  if (isPlain && !isSurelyText(text)) {
    refuse(source, `the key ${text} is not read in one way by all versions of zot`, QUOTE)
  }
  return text.toLowerCase()
}

function mapping(value: Foreign, what: string): readonly ForeignEntry[] {
  if (value.kind !== 'mapping') refuse(value.source, `${what} must be a mapping, and is ${nounOf(value)}`)
  return value.entries
}

function known(entries: readonly ForeignEntry[], keys: readonly string[], what: string): void {
  checkKeys(entries)
  const unknown = entries.find(({ key }) => !keys.includes(lower(key)))
  if (unknown === undefined) return
  refuse(unknown.key.source, `${what} has no key "${unknown.key.text}"`, `zot refuses it; it knows ${keys.join(', ')}`)
}
