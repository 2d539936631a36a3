/**
 * A configuration file of docker_auth, as docker_auth reads it: any scalar is text as it is spelled, an absent field and a
 * null are the same, keys that it does not know do nothing. Where it would not start, or a rule would mean something that
 * its author surely did not want, the file is refused with the place.
 *
 * Source: docker_auth, its structures Config, Requirements, ACLEntry and MatchConditions; gopkg.in/yaml.v2.
 */
import type { Source } from '../policy/model.ts'
import { type Foreign, type ForeignEntry, type ForeignScalar, nounOf, readForeign, refuse } from './foreign.ts'
import { ImportError } from './input.ts'

/** A text of the file, with its place. */
export type Text = { readonly text: string; readonly source: Source }

/** A user of the file; `labels` by name. */
export type User = { readonly source: Source; readonly labels: ReadonlyMap<string, readonly string[]> }

const FIELDS = ['account', 'type', 'name', 'service', 'ip'] as const
/** A key that an ACL entry may test. */
export type Field = (typeof FIELDS)[number]

/** One entry of `acl`. */
export type AclEntry = {
  readonly source: Source
  /** Absent fields match everything. */
  readonly match: Readonly<Partial<Record<Field, Text>>> & { readonly labels: ReadonlyMap<string, Text> }
  readonly actions: readonly Text[]
  readonly comment?: string
}

/** What is read of the configuration of docker_auth. */
export type DockerAuthFile = {
  /** Those that can sign in; `''` is the anonymous caller. */
  readonly users: ReadonlyMap<string, User>
  readonly acl: readonly AclEntry[]
  /** The settings that are there, by name. */
  readonly settings: ReadonlyMap<string, Source>
}

const MATCH_KEYS: readonly string[] = [...FIELDS, 'labels']
const ENTRY_KEYS = ['match', 'actions', 'comment']
const NULLS = new Set(['', '~', 'null'])
/** To yaml.v2 these are null too, and then empty text: not what anybody means. */
const ODD_NULLS = new Set(['Null', 'NULL'])

/** @throws {@link ImportError} when docker_auth would not start with the file, or it cannot be read in one way */
export function readDockerAuth(file: string, text: string): DockerAuthFile {
  const root = readForeign(file, text, false)
  const settings = new Map<string, Source>()
  const entries = root === undefined ? [] : mapping(root, 'the configuration')
  for (const { key, value } of entries) if (!isNull(value)) settings.set(textOfKey(key), key.source)
  const acl = fieldOf(entries, 'acl')
  if (acl === undefined) {
    throw new ImportError(`${file} has no acl`, 'rules that lie in a database or a program cannot be imported')
  }
  return { users: readUsers(fieldOf(entries, 'users')), acl: list(acl, 'acl').map(readEntry), settings }
}

function readUsers(value: Foreign | undefined): ReadonlyMap<string, User> {
  const users = new Map<string, User>()
  for (const { key, value: user } of value === undefined ? [] : mapping(value, 'users')) {
    const name = textOfKey(key)
    // A null is not a user; an empty mapping is one without a password.
    if (isNull(user)) continue
    const labels = fieldOf(mapping(user, `the user "${name}"`), 'labels')
    const values = labels === undefined ? [] : mapping(labels, 'labels')
    users.set(name, {
      source: key.source,
      labels: new Map(
        values.map((label) => [
          textOfKey(label.key),
          isNull(label.value) ? [] : list(label.value, 'a label').map((item) => textOf(item, 'a label').text),
        ]),
      ),
    })
  }
  return users
}

function readEntry(item: Foreign): AclEntry {
  const entries = mapping(item, 'the acl entry')
  known(entries, ENTRY_KEYS, 'the acl entry')
  const match = fieldOf(entries, 'match')
  if (match === undefined) {
    refuse(item.source, 'the acl entry has no match', 'docker_auth fails on it; match: {} is everything')
  }
  const actions = fieldOf(entries, 'actions')
  if (actions === undefined) {
    refuse(item.source, 'the acl entry has no actions', 'docker_auth fails on it; actions: [] denies')
  }
  const fields = mapping(match, 'match')
  known(fields, MATCH_KEYS, 'match')
  const labels = fieldOf(fields, 'labels')
  const comment = fieldOf(entries, 'comment')
  return {
    source: item.source,
    match: {
      ...Object.fromEntries(
        FIELDS.flatMap((field) => {
          const value = fieldOf(fields, field)
          return value === undefined ? [] : [[field, textOf(value, field)]]
        }),
      ),
      labels: new Map(
        (labels === undefined ? [] : mapping(labels, 'labels')).map(({ key, value }) => [
          textOfKey(key),
          textOf(value, 'a label'),
        ]),
      ),
    },
    actions: list(actions, 'actions').map((action) => textOf(action, 'an action')),
    ...(comment === undefined ? {} : { comment: textOf(comment, 'a comment').text }),
  }
}

const isNull = (value: Foreign): boolean => {
  if (value.kind !== 'scalar' || !value.isPlain) return false
  if (ODD_NULLS.has(value.text)) {
    refuse(value.source, `${value.text} is not read in one way by all YAML libraries`, 'write ~, or quote the text')
  }
  return NULLS.has(value.text)
}

/** The value of a key; undefined for a null too, as yaml.v2 leaves the field alone then. */
function fieldOf(entries: readonly ForeignEntry[], key: string): Foreign | undefined {
  const value = entries.find((entry) => textOfKey(entry.key) === key)?.value
  return value === undefined || isNull(value) ? undefined : value
}

function textOfKey(key: ForeignScalar): string {
  if (isNull(key)) refuse(key.source, 'this key is empty', 'quote it')
  return key.text
}

function textOf(value: Foreign, what: string): Text {
  if (value.kind !== 'scalar') refuse(value.source, `${what} must be text, and is ${nounOf(value)}`)
  if (isNull(value)) refuse(value.source, `${what} must be text, and is empty`, "to mean an empty text, write ''")
  return { text: value.text, source: value.source }
}

function list(value: Foreign, what: string): readonly Foreign[] {
  if (value.kind !== 'list')
    refuse(value.source, `${what} must be a list, and is ${nounOf(value)}`, 'write it in brackets')
  return value.items
}

function mapping(value: Foreign, what: string): readonly ForeignEntry[] {
  if (value.kind !== 'mapping') refuse(value.source, `${what} must be a mapping, and is ${nounOf(value)}`)
  return value.entries
}

function known(entries: readonly ForeignEntry[], keys: readonly string[], what: string): void {
  const unknown = entries.find(({ key }) => !keys.includes(textOfKey(key)))
  if (unknown === undefined) return
  const hint = `docker_auth ignores it; it knows ${keys.join(', ')}`
  refuse(unknown.key.source, `${what} has no key "${unknown.key.text}"`, hint)
}
