/**
 * zot's `http.accessControl` as a policy. The longest pattern that matches a repository decides there, whoever asks; the
 * admin policy adds to it. Gives nobody more than zot did.
 *
 * Source: zot, "Identity-based Authorization" of its configuration guide; its access controller, functions `can` and
 * `isPermitted`.
 */

import { FileDocument, isMapping } from '../files/document.ts'
import { Entry } from '../files/entry.ts'
import { Report } from '../files/problem.ts'
import type { Source } from '../policy/model.ts'
import { Findings, type Imported } from './finding.ts'
import { deepGlobWhere, looseGlobWhere } from './glob.ts'
import { ImportError, unreadable } from './input.ts'
import { customRole, isTokenName, NO_RIGHTS, NO_RIGHTS_MAP, policyText, type RuleText } from './policy-text.ts'
import { and, EVERYWHERE, isDisjoint, NOWHERE, not, or, placeOf, type Where } from './where.ts'

export type ZotOptions = {
  /** `create` without `update` becomes the right to write, tags that exist included. */
  readonly createIsWrite: boolean
}

const ACTIONS = ['read', 'create', 'update', 'delete', 'detectManifestCollision'] as const
const LEGACY_KEYS = ['adminPolicy', 'groups', 'metrics', 'repositories']

/** What zot's actions come to. */
const PERMISSIONS = {
  read: ['content/read', 'metadata/read'],
  write: ['content/write'],
  delete: ['content/delete', 'metadata/delete'],
} as const
type Right = keyof typeof PERMISSIONS

const roleName = (rights: readonly Right[]): string => `zot-${rights.join('-')}`

type PolicyGroup = {
  readonly pattern: string
  readonly entry: Entry
  readonly where: Where | undefined
  readonly loose: Where
}
type Grant = {
  readonly principal: string
  readonly rights: readonly Right[]
  readonly place: Pick<RuleText, 'repositories' | 'condition'>
  readonly source: Source
}

/** @throws {@link ImportError} when the file holds no access control of zot */
export function importZot(file: string, text: string, options: ZotOptions): Imported {
  const report = new Report()
  const root = new Entry(FileDocument.read(file, text, report), [], FileDocument.read(file, text, new Report()).value)
  if (report.errors > 0) throw unreadable(report.problems)
  const control = find(find(root, 'http'), 'accessControl')
  if (!isMapping(control.value)) {
    throw new ImportError(
      `${file} has no http.accessControl`,
      'without it zot lets everybody who signs in do everything',
    )
  }
  return new Reader(control, options).read(file)
}

/** A key in any letter case, as zot's configuration reader takes them. */
function find(entry: Entry, key: string): Entry {
  const keys = isMapping(entry.value) ? Object.keys(entry.value) : []
  return entry.child(keys.find((known) => known.toLowerCase() === key.toLowerCase()) ?? key)
}

const texts = (entry: Entry): readonly string[] =>
  entry.children().flatMap(({ value }) => (typeof value === 'string' ? [value] : []))

class Reader {
  readonly #control: Entry
  readonly #options: ZotOptions
  readonly #findings = new Findings()
  readonly #grants: Grant[] = []
  readonly #users = new Set<string>()

  constructor(control: Entry, options: ZotOptions) {
    this.#control = control
    this.#options = options
  }

  read(file: string): Imported {
    const groups = this.#policyGroups()
    for (const group of groups) this.#readGroup(group, groups)
    this.#readPolicy(find(this.#control, 'adminPolicy'), EVERYWHERE)
    const metrics = find(this.#control, 'metrics')
    if (metrics.value !== undefined) {
      this.#findings.note(
        metrics.source,
        'who may read metrics is not a matter of the gate',
        'the gate has no /metrics',
      )
    }
    for (const user of this.#users) {
      this.#findings.note(this.#control.source, `${user} needs a new password`, `dockgate token rotate ${user}`)
    }
    const roles = new Map(this.#grants.map(({ rights }) => [roleName(rights), rights]))
    const tokens = Object.fromEntries([...this.#users].map((user) => [user, { scopeMap: NO_RIGHTS }]))
    const text = policyText([`Imported from the accessControl of a zot configuration, ${file}.`], {
      scopeMaps: NO_RIGHTS_MAP,
      tokens,
      roles: [...roles].map(([name, rights]) =>
        customRole(
          name,
          rights.flatMap((right) => PERMISSIONS[right]),
        ),
      ),
      roleAssignments: this.#grants.map(ruleOf),
    })
    return { text, findings: this.#findings.all }
  }

  #policyGroups(): readonly PolicyGroup[] {
    const own = find(this.#control, 'repositories')
    const holder = own.value === undefined ? this.#control : own
    const keys = isMapping(holder.value) ? Object.keys(holder.value) : []
    const known = new Set(own.value === undefined ? LEGACY_KEYS.map((key) => key.toLowerCase()) : [])
    return keys
      .filter((key) => !known.has(key.toLowerCase()))
      .map((pattern) => {
        const entry = holder.child(pattern)
        // `${username}` is the name of whoever asks: for the policy, one namespace for each.
        const where = pattern.includes('${') ? undefined : deepGlobWhere(pattern)
        return { pattern, entry, where, loose: where ?? looseGlobWhere(pattern) }
      })
  }

  #readGroup(group: PolicyGroup, groups: readonly PolicyGroup[]): void {
    const { entry, pattern } = group
    if (group.where === undefined) {
      const hint = 'write its rules by hand; nothing is granted on what it matches'
      this.#findings.lost(entry.source, `the pattern ${pattern} cannot be said in a condition`, hint)
      return
    }
    const rivals = groups.filter((other) => other !== group && other.pattern.length >= pattern.length)
    for (const rival of rivals) {
      if (rival.pattern.length > pattern.length || isDisjoint(group.where, rival.loose)) continue
      const hint = 'zot picks one of them by chance; where both match, nothing is granted'
      this.#findings.lost(entry.source, `${pattern} and ${rival.pattern} are equally long and may match the same`, hint)
    }
    const where = and(group.where, not(or(...rivals.map(({ loose }) => loose))))
    for (const policy of find(entry, 'policies').children()) this.#readPolicy(policy, where)
    const byDefault = find(entry, 'defaultPolicy')
    const anonymous = find(entry, 'anonymousPolicy')
    this.#grant('everyone', byDefault, where)
    this.#grant('anonymous', anonymous, where)
    const more = texts(anonymous).filter((action) => !texts(byDefault).includes(action))
    if (more.length > 0) {
      const what = `whoever signs in has at least the rights of anonymous callers: ${more.join(', ')} on ${pattern}`
      this.#findings.note(anonymous.source, what, 'in zot they would have to sign out first')
    }
  }

  #readPolicy(policy: Entry, where: Where): void {
    const actions = find(policy, 'actions')
    const conditions = find(policy, 'conditions')
    if (conditions.children().length > 0) {
      const hint = "write a condition in Azure's language for it; it grants nothing here"
      this.#findings.lost(conditions.source, 'a policy with conditions in CEL is not imported', hint)
      return
    }
    for (const user of this.#usersOf(policy)) {
      if (!isTokenName(user)) {
        const hint = 'give the user another name, of letters, digits, - and _, and import again'
        this.#findings.lost(policy.source, `"${user}" cannot be the name of a token`, hint)
        continue
      }
      this.#users.add(user)
      this.#grant(`token:${user}`, actions, where)
    }
  }

  #usersOf(policy: Entry): readonly string[] {
    const groups = find(this.#control, 'groups')
    const named = find(policy, 'groups')
    const members = texts(named).flatMap((name, index) => {
      const users = find(groups.child(name), 'users')
      if (users.value === undefined) {
        const hint = 'add an issuer for them and a role assignment to group:ISSUER/ID'
        this.#findings.lost(named.child(index).source, `the members of the group ${name} are not in the file`, hint)
      }
      return texts(users)
    })
    return [...new Set([...texts(find(policy, 'users')), ...members])].filter((user) => user !== '')
  }

  #grant(principal: string, list: Entry, where: Where): void {
    const actions = new Set(texts(list))
    for (const [index, action] of texts(list).entries()) {
      if (ACTIONS.some((known) => known === action)) continue
      this.#findings.lost(list.child(index).source, `zot knows no action "${action}"`, `it knows ${ACTIONS.join(', ')}`)
    }
    const writes = actions.has('create') && (actions.has('update') || this.#options.createIsWrite)
    if (actions.has('create') !== actions.has('update') && !writes) {
      const only = actions.has('create') ? 'create' : 'update'
      const hint =
        only === 'create'
          ? 'the gate does not know which tags exist: --create-is-write grants writing, and so overwriting'
          : 'in zot, too, every push begins with create'
      this.#findings.lost(
        list.source,
        `${principal} may ${only} but not ${only === 'create' ? 'update' : 'create'}: not imported`,
        hint,
      )
    } else if (writes && !actions.has('update')) {
      this.#findings.note(list.source, `${principal} may overwrite tags here, and could only create them in zot`)
    }
    if (actions.has('detectManifestCollision')) {
      const hint = 'deleting by digest reaches every tag of the manifest; use a deny assignment to protect some'
      this.#findings.note(list.source, 'detectManifestCollision has no equal', hint)
    }
    const rights: readonly Right[] = [
      ...(actions.has('read') ? (['read'] as const) : []),
      ...(writes ? (['write'] as const) : []),
      ...(actions.has('delete') ? (['delete'] as const) : []),
    ]
    if (rights.length === 0 || where === NOWHERE) return
    const place = placeOf(where)
    if (place === undefined) {
      this.#findings.lost(list.source, 'the condition would be longer than 8 KiB', 'use fewer patterns that overlap')
    } else this.#grants.push({ principal, rights, place, source: list.source })
  }
}

function ruleOf({ principal, rights, place, source: { line, column } }: Grant): RuleText {
  const who = principal.replace(/^token:/, '')
  return { name: `${who}-${line}-${column}`, principal, role: roleName(rights), ...place, comment: `line ${line}` }
}
