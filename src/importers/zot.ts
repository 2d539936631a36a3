/**
 * zot's `http.accessControl` as a policy. The longest pattern that matches a repository decides there, no matter who asks; the
 * admin policy adds to it. Where the policy gives more than zot did, the report says so.
 *
 * Source: zot, "Identity-based Authorization" of its configuration guide; its access controller, functions `can` and
 * `isPermitted`.
 */
import type { Source } from '../policy/model.ts'
import { Findings, type Imported } from './finding.ts'
import { doublestarWays, looseDoublestar } from './glob.ts'
import { placeOfWays } from './place.ts'
import { customRole, isTokenName, NO_RIGHTS, NO_RIGHTS_MAP, policyText, type RuleText } from './policy-text.ts'
import { and, EVERYWHERE, isDisjoint, NOWHERE, not, or, placeOf, type Where } from './where.ts'
import { type AccessControl, readZot, type Texts, type ZotPolicy, type ZotRepositories } from './zot-file.ts'

/** Options of an import from zot. */
export type ZotOptions = {
  /** `create` without `update` becomes the right to write, tags that exist included. */
  readonly createIsWrite: boolean
}

const ACTIONS = ['read', 'create', 'update', 'delete', 'detectManifestCollision'] as const

/** What zot's actions come to. */
const PERMISSIONS = {
  read: ['content/read', 'metadata/read'],
  write: ['content/write'],
  delete: ['content/delete', 'metadata/delete'],
} as const
type Right = keyof typeof PERMISSIONS

const roleName = (rights: readonly Right[]): string => `zot-${rights.join('-')}`

/** The policies of one pattern, and where it matches; nothing if that cannot be said. */
type Group = { readonly of: ZotRepositories; readonly where: Where | undefined; readonly loose: Where }
type Grant = {
  readonly principal: string
  readonly rights: readonly Right[]
  readonly place: Pick<RuleText, 'repositories' | 'condition'>
  readonly source: Source
}

/** @throws {@link ImportError} when the file holds no access control of zot, or zot would not start with it */
export function importZot(file: string, text: string, options: ZotOptions): Imported {
  return new Importer(readZot(file, text), options).import(file)
}

class Importer {
  readonly #control: AccessControl
  readonly #options: ZotOptions
  readonly #findings = new Findings()
  readonly #grants: Grant[] = []
  readonly #users = new Set<string>()

  constructor(control: AccessControl, options: ZotOptions) {
    this.#control = control
    this.#options = options
  }

  import(file: string): Imported {
    const { repositories, unseen, adminPolicy, metrics, source } = this.#control
    for (const { text: pattern, source: place } of unseen) {
      const hint = 'to close these repositories, write "defaultPolicy": [] into it, and import again'
      this.#findings.note(
        place,
        `zot does not see the pattern ${pattern}, which holds no value: others decide there`,
        hint,
      )
    }
    const groups = repositories.map((of): Group => {
      // `${username}` is the name of the caller: for the policy, one namespace for each.
      const ways = of.pattern.includes('${') ? undefined : doublestarWays(of.pattern)
      const where = ways && placeOfWays(ways)
      return { of, where, loose: where ?? looseDoublestar(of.pattern) }
    })
    for (const group of groups) this.#readGroup(group, groups)
    if (adminPolicy !== undefined) this.#readAdmin(adminPolicy)
    if (metrics !== undefined) {
      this.#findings.note(metrics, 'who may read metrics is not a matter of the gate', 'the gate has no /metrics')
    }
    for (const user of this.#users) {
      this.#findings.note(source, `${user} needs a new password`, `dockgate token rotate ${user}`)
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

  #readGroup(group: Group, groups: readonly Group[]): void {
    const { pattern, source, policies, defaultPolicy, anonymousPolicy } = group.of
    if (group.where === undefined) {
      const hint = 'write its rules by hand; nothing is granted on what it matches'
      this.#findings.lost(source, `the pattern ${pattern} cannot be said in a condition`, hint)
      return
    }
    const rivals = groups.filter((other) => other !== group && other.of.pattern.length >= pattern.length)
    for (const { of, loose } of rivals) {
      if (of.pattern.length > pattern.length || isDisjoint(group.where, loose)) continue
      const hint = 'zot picks one of them by chance; where both match, nothing is granted'
      this.#findings.lost(source, `${pattern} and ${of.pattern} are equally long and may match the same`, hint)
    }
    const where = and(group.where, not(or(...rivals.map(({ loose }) => loose))))
    for (const policy of policies) this.#readPolicy(policy, where)
    this.#grant('everyone', defaultPolicy, where)
    this.#grant('anonymous', anonymousPolicy, where)
    const unnamed = policies.flatMap((policy) =>
      policy.conditions === undefined && this.#usersOf(policy).includes('') ? [policy.actions] : [],
    )
    for (const list of [anonymousPolicy, ...unnamed]) {
      const own = this.#rightsOf(defaultPolicy)
      const more = this.#rightsOf(list).filter((right) => !own.includes(right))
      if (more.length === 0 || where === NOWHERE) continue
      const what = `everyone who signs in has at least the rights of anonymous callers here: ${more.join(', ')} on ${pattern}`
      const hint =
        'in zot they would have to sign out first: add the actions to defaultPolicy, or write a deny assignment'
      this.#findings.wider(list.source, what, hint)
    }
  }

  /** The admin policy adds to what others give. Its user without a name is anonymous, and so everybody here. */
  #readAdmin(policy: ZotPolicy): void {
    this.#readPolicy(policy, EVERYWHERE)
    const rights = this.#rightsOf(policy.actions)
    if (policy.conditions !== undefined || rights.length === 0 || !this.#usersOf(policy).includes('')) return
    const what = `everyone who signs in has at least the rights of anonymous callers everywhere: ${rights.join(', ')}`
    const hint = 'in zot only callers without a name have them: remove the empty user, or write a deny assignment'
    this.#findings.wider(policy.source, what, hint)
  }

  #readPolicy(policy: ZotPolicy, where: Where): void {
    if (policy.conditions !== undefined) {
      const hint = "write a condition in Azure's language for it; it grants nothing here"
      this.#findings.lost(policy.conditions, 'a policy with conditions in CEL is not imported', hint)
      return
    }
    for (const user of this.#usersOf(policy)) {
      if (user !== '' && !isTokenName(user)) {
        const hint = 'give the user another name, of letters, digits, - and _, and import again'
        this.#findings.lost(policy.source, `"${user}" cannot be the name of a token`, hint)
        continue
      }
      // To zot a caller without a name is the user with the empty name.
      if (user !== '') this.#users.add(user)
      this.#grant(user === '' ? 'anonymous' : `token:${user}`, policy.actions, where)
    }
  }

  /** The users of a policy, and the members of its groups, whose keys are in lower case. */
  #usersOf({ users, groups }: ZotPolicy): readonly string[] {
    const members = groups.items.flatMap(({ text, source }) => {
      const found = this.#control.groups.get(text)
      if (found === undefined) {
        const hint =
          text === text.toLowerCase()
            ? 'add an issuer for them and a role assignment to group:ISSUER/ID'
            : 'zot reads the names of its own groups in lower case, so this is a group from elsewhere'
        this.#findings.lost(source, `the members of the group ${text} are not in the file`, hint)
      }
      return found ?? []
    })
    return [...new Set([...users.items, ...members].map(({ text }) => text))]
  }

  #rightsOf({ items }: Texts): readonly Right[] {
    const has = (action: string) => items.some(({ text }) => text === action)
    return [
      ...(has('read') ? (['read'] as const) : []),
      ...(has('create') && (has('update') || this.#options.createIsWrite) ? (['write'] as const) : []),
      ...(has('delete') ? (['delete'] as const) : []),
    ]
  }

  #grant(principal: string, list: Texts, where: Where): void {
    const actions = new Set(list.items.map(({ text }) => text))
    for (const { text, source } of list.items) {
      if (ACTIONS.some((known) => known === text)) continue
      this.#findings.lost(source, `zot knows no action "${text}"`, `it knows ${ACTIONS.join(', ')}`)
    }
    const rights = this.#rightsOf(list)
    const writes = rights.includes('write')
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
      this.#findings.wider(list.source, `${principal} may overwrite tags here, and could only create them in zot`)
    }
    if (actions.has('detectManifestCollision')) {
      const hint = 'deleting by digest reaches every tag of the manifest; use a deny assignment to protect some'
      this.#findings.note(list.source, 'detectManifestCollision has no equal', hint)
    }
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
