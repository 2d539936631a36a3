/**
 * What the files of a set declare: every entry that is valid by itself, and every name, also of entries that are not (so
 * that one mistake is reported once). Never follows a name.
 */
import type * as z from 'zod'
import { BUILT_IN_ROLES } from '../policy/azure/roles.ts'
import { SYSTEM_SCOPE_MAPS } from '../policy/azure/scope-maps.ts'
import type { RoleDefinition, Source } from '../policy/model.ts'
import { AZURE_SHAPES, recognise } from './azure.ts'
import {
  type DenyAssignment,
  type Identity,
  type Issuer,
  LISTED_SECTIONS,
  NAMED_SECTIONS,
  PolicyFile,
  type Protection,
  Registry,
  type RoleAssignment,
  type ScopeMap,
  type Token,
} from './definition.ts'
import { type FileDocument, isMapping } from './document.ts'
import { Entry, spellingsOf } from './entry.ts'
import { readName } from './field.ts'
import { complaint, formatSource, Report } from './problem.ts'
import { readRole } from './role.ts'
import { notAMapping, reportUnknownKeys, wrongType } from './validation.ts'

/** Something with a name; `value` is undefined if it was reported. */
export type Declared<T> = { readonly name: string; readonly entry: Entry; readonly value: T | undefined }
type Shape<T extends z.ZodType> = Declared<z.output<T>>

/** Everything that the files of a folder declare, before names are resolved. */
export class Declarations {
  readonly registry: Shape<typeof Registry>[] = []
  readonly scopeMaps: Shape<typeof ScopeMap>[] = []
  readonly tokens: Shape<typeof Token>[] = []
  readonly issuers: Shape<typeof Issuer>[] = []
  readonly identities: Shape<typeof Identity>[] = []
  readonly roles: Declared<RoleDefinition>[] = []
  readonly roleAssignments: Shape<typeof RoleAssignment>[] = []
  readonly denyAssignments: Shape<typeof DenyAssignment>[] = []
  readonly protections: Shape<typeof Protection>[] = []
  readonly azure = {
    scopeMaps: [] as Shape<typeof AZURE_SHAPES.scopeMap>[],
    tokens: [] as Shape<typeof AZURE_SHAPES.token>[],
    roleAssignments: [] as Shape<typeof AZURE_SHAPES.roleAssignment>[],
  }
  readonly #names = new Map<string, Map<string, Source>>()
  readonly #report: Report

  constructor(report: Report) {
    this.#report = report
  }

  /** Take over the names of others, without what they mean. */
  addNames(others: Declarations): void {
    const nameOnly = <T>({ name, entry }: Declared<T>) => ({ name, entry, value: undefined })
    this.registry.push(...others.registry.map(nameOnly))
    this.scopeMaps.push(...others.scopeMaps.map(nameOnly))
    this.tokens.push(...others.tokens.map(nameOnly))
    this.issuers.push(...others.issuers.map(nameOnly))
    this.identities.push(...others.identities.map(nameOnly))
    this.roles.push(...others.roles.map(nameOnly))
    this.azure.scopeMaps.push(...others.azure.scopeMaps.map(nameOnly))
    this.azure.tokens.push(...others.azure.tokens.map(nameOnly))
  }

  /** Report a custom role that calls itself as a built-in one. */
  claimBuiltIn(name: string, source: Source): void {
    const what = `the role "${name}" is built in`
    this.#report.error(source, complaint('duplicate_name', what, 'give the custom role another name and GUID'))
  }

  /** Note that `name` is taken for its kind; false, and reported, if it was taken before. */
  claim(kind: string, name: string, source: Source, hint = 'rename one of them, or remove it'): boolean {
    const taken = this.#names.get(kind) ?? new Map<string, Source>()
    this.#names.set(kind, taken)
    const first = taken.get(name)
    if (first === undefined) {
      taken.set(name, source)
      return true
    }
    const what = `the ${kind} "${name}" is defined twice, first at ${formatSource(first)}`
    this.#report.error(source, complaint('duplicate_name', what, hint))
    return false
  }
}

/** Read one policy file into the declarations. */
export function collect(document: FileDocument, declared: Declarations, report: Report): void {
  if (!document.broken) {
    collectFile(document, declared, report)
    return
  }
  // What a broken file still names is good to know; more complaints about it are not.
  const unread = new Report()
  const names = new Declarations(unread)
  collectFile(document, names, unread)
  declared.addNames(names)
}

function collectFile(document: FileDocument, declared: Declarations, report: Report): void {
  const root = new Entry(document, [], document.value)
  if (Array.isArray(root.value)) {
    for (const item of root.children()) collectAzure(item, declared, report)
    return
  }
  if (!isMapping(root.value)) {
    if (root.value !== null && root.value !== undefined) report.error(root.at(), notAMapping(root.value))
    return
  }
  const keys = Object.keys(root.value)
  if (!keys.some(isSection)) {
    const listed = root.child('value')
    const isPage =
      Array.isArray(listed.value) && keys.every((key) => ['value', 'nextLink', '@odata.nextLink'].includes(key))
    if (isPage) {
      for (const item of listed.children()) collectAzure(item, declared, report)
      return
    }
    if (recognise(root) !== undefined) {
      collectAzure(root, declared, report)
      return
    }
  }
  reportUnknownKeys(root, SECTIONS, report)
  for (const key of keys.filter(isSection)) {
    if (root.child(key).value !== null) collectSection(key, root.child(key), declared, report)
  }
}

type Section = keyof typeof PolicyFile.shape

const SECTIONS = Object.keys(PolicyFile.shape)
const isSection = (key: string): key is Section => SECTIONS.includes(key)

function collectSection(key: Section, section: Entry, declared: Declarations, report: Report): void {
  switch (key) {
    case '$schema':
      return
    case 'registry':
      if (declared.claim('section', 'registry', section.source)) {
        declared.registry.push({ name: 'registry', entry: section, value: section.parse(Registry, report) })
      }
      return
    case 'scopeMaps':
      for (const [name, entry] of entriesOf(section, report)) {
        if (SYSTEM_SCOPE_MAPS.some((map) => map.name === name)) {
          report.error(
            entry.source,
            complaint('reserved_name', `${name} is a system-defined scope map`, 'choose another name'),
          )
        } else if (nameIsFree('scope map', name, entry, declared, report)) {
          declared.scopeMaps.push({ name, entry, value: entry.parse(NAMED_SECTIONS.scopeMaps, report) })
        }
      }
      return
    case 'tokens':
      for (const [name, entry] of entriesOf(section, report)) {
        const value = entry.parse(NAMED_SECTIONS.tokens, report)
        if (nameIsFree('token', name, entry, declared, report)) declared.tokens.push({ name, entry, value })
      }
      return
    case 'issuers':
      for (const [name, entry] of entriesOf(section, report)) {
        const isFree = nameIsFree('issuer', name, entry, declared, report)
        if (isFree) declared.issuers.push({ name, entry, value: entry.parse(NAMED_SECTIONS.issuers, report) })
      }
      return
    case 'identities':
      for (const [name, entry] of entriesOf(section, report)) {
        const isFree = nameIsFree('identity', name, entry, declared, report)
        if (isFree) declared.identities.push({ name, entry, value: entry.parse(NAMED_SECTIONS.identities, report) })
      }
      return
    case 'roles':
      for (const entry of itemsOf(section, report)) collectRole(entry, readRole(entry, 'strict', report), declared)
      return
    case 'roleAssignments':
      for (const entry of itemsOf(section, report)) {
        const value = entry.parse(LISTED_SECTIONS.roleAssignments, report)
        const name = ownName(entry)
        const isFree = name === '' || declared.claim('role assignment', name, entry.at('name'))
        if (isFree) declared.roleAssignments.push({ name, entry, value })
      }
      return
    case 'denyAssignments':
      for (const entry of itemsOf(section, report)) {
        const value = entry.parse(LISTED_SECTIONS.denyAssignments, report)
        const name = ownName(entry)
        const isFree = name === '' || declared.claim('deny assignment', name, entry.at('name'))
        if (isFree) declared.denyAssignments.push({ name, entry, value })
      }
      return
    case 'protections':
      for (const entry of itemsOf(section, report)) {
        const value = entry.parse(LISTED_SECTIONS.protections, report)
        const name = ownName(entry)
        const isFree = name === '' || declared.claim('protection', name, entry.at('name'))
        if (isFree) declared.protections.push({ name, entry, value })
      }
      return
    default:
      key satisfies never
  }
}

const ownName = ({ value }: Entry): string => (isMapping(value) && typeof value.name === 'string' ? value.name : '')

function nameIsFree(kind: string, name: string, entry: Entry, declared: Declarations, report: Report): boolean {
  const valid = readName(name)
  if (!valid.ok) report.error(entry.source, valid.error)
  return declared.claim(kind, name, entry.source)
}

function entriesOf(section: Entry, report: Report): readonly (readonly [string, Entry])[] {
  if (isMapping(section.value)) return Object.keys(section.value).map((name) => [name, section.child(name)])
  report.error(section.at(), wrongType('object', section.value))
  return []
}

function itemsOf(section: Entry, report: Report): readonly Entry[] {
  if (!Array.isArray(section.value)) report.error(section.at(), wrongType('array', section.value))
  return section.children()
}

const NAME_KEYS = spellingsOf(['name', 'roleName'])

/** A built-in role may be repeated, as exports do; the export counts, for the table may be older. */
function collectRole(entry: Entry, role: RoleDefinition | undefined, declared: Declarations): void {
  if (role === undefined) {
    const { value } = entry.fold(NAME_KEYS, true)
    const names = isMapping(value) ? [value.name, value.roleName] : []
    for (const name of names) if (typeof name === 'string') declared.roles.push({ name, entry, value: undefined })
    return
  }
  const isExport = role.builtIn && role.id !== undefined
  if (isExport && declared.roles.some(({ value }) => value?.builtIn && value.id === role.id)) return
  if (!isExport) {
    const known = BUILT_IN_ROLES.some(
      ({ name, id }) => name.toLowerCase() === role.name.toLowerCase() || id === role.id,
    )
    if (known) {
      declared.claimBuiltIn(role.name, entry.source)
      return
    }
  }
  const isFree = declared.claim('role', role.name.toLowerCase(), entry.source)
  if (isFree && (role.id === undefined || declared.claim('role', role.id, entry.source))) {
    declared.roles.push({ name: role.name, entry, value: role })
  }
}

function collectAzure(item: Entry, declared: Declarations, report: Report): void {
  const known = recognise(item)
  if (known === undefined) {
    const hint = 'lists of role assignments, role definitions, scope maps and tokens are understood'
    report.error(item.at(), complaint('azure_unknown', 'this is not an item of a list that Azure prints', hint))
    return
  }
  const { kind, entry } = known
  switch (kind) {
    case 'role':
      collectRole(entry, readRole(entry, 'azure', report), declared)
      return
    case 'roleAssignment': {
      const value = entry.parse(AZURE_SHAPES.roleAssignment, report)
      const name = ownName(entry)
      const isFree = name === '' || declared.claim('role assignment', name, entry.at('name'))
      if (isFree) declared.azure.roleAssignments.push({ name, entry, value })
      return
    }
    case 'scopeMap': {
      const value = entry.parse(AZURE_SHAPES.scopeMap, report)
      const name = ownName(entry)
      // Names are unique in one registry only: whose map it is must be known before they are compared.
      if (!SYSTEM_SCOPE_MAPS.some((map) => map.name === name)) declared.azure.scopeMaps.push({ name, entry, value })
      return
    }
    case 'token': {
      const value = entry.parse(AZURE_SHAPES.token, report)
      declared.azure.tokens.push({ name: ownName(entry), entry, value })
      return
    }
    default:
      kind satisfies never
  }
}
