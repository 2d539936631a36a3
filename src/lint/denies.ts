/** Lints of deny assignments: whether there is anything that they take away. */
import type { CompiledPolicy, GrantData, PrincipalData } from '../policy/decide/compiled.ts'
import { NameIndex } from '../policy/decide/name-index.ts'
import { namePatternCovers } from '../policy/decide/name-pattern.ts'
import type { DenyAssignment } from '../policy/model.ts'
import { bitsOf, permissionsOf } from '../policy/permission-bits.ts'
import { EVERYONE, type PrincipalKey } from '../policy/principal.ts'
import { formatRepositoryPattern } from '../policy/repository-pattern.ts'
import { PERMISSIONS, type Permission } from '../registry/permission.ts'
import type { Lint } from './lint.ts'

/** The lint `?`. */
export const unreachableDeny: Lint = {
  id: 'unreachable_deny',
  explanation:
    'A deny of what nobody it names was ever granted takes nothing away: often the principal, the permission or the repository is misspelt.',
  fix: 'mend whom or what it names, or keep it as a guard and say so in a comment',
  *find({ policies, compiled }) {
    if (policies.denyAssignments.length === 0) return
    const reach = new Reach(compiled)
    for (const deny of policies.denyAssignments) {
      const left = deny.principals.filter((key) => !deny.except.includes(key))
      if (left.length === 0) {
        yield { source: deny.source, message: `deny assignment ${deny.name} excepts everybody whom it names` }
      } else if (!left.some((key) => reach.reaches(key, deny))) {
        yield {
          source: deny.source,
          message: `deny assignment ${deny.name} denies only what nobody it names was granted`,
        }
      }
    }
  },
}

/** The lint `audited_deny`. */
export const auditedDeny: Lint = {
  id: 'audited_deny',
  explanation:
    'A deny with `mode: audit` denies nothing. The record of each request that it would have denied names it in `audit`.',
  fix: 'look through the records, then take mode: audit away',
  *find({ policies }) {
    for (const { name, mode, source } of policies.denyAssignments) {
      if (mode === 'audit') yield { source, message: `deny assignment ${name} is only audited: it denies nothing` }
    }
  },
}

/** What a kind of caller can hold at most: tokens are one thing alone, callers of an issuer may be several at once. */
class Reach {
  readonly #compiled: CompiledPolicy
  readonly #shared: Extent
  readonly #everybody: Extent
  readonly #issuers = new Map<string, Extent>()
  readonly #issuerOf: ReadonlyMap<string, string>

  constructor(compiled: CompiledPolicy) {
    const { everyone, anonymous, identities } = compiled.common
    this.#compiled = compiled
    this.#issuerOf = new Map(identities.map(({ name, issuer }) => [name, issuer]))
    this.#shared = new Extent([everyone, anonymous])
    this.#everybody = new Extent([everyone, anonymous, ...compiled.principals.values()])
  }

  reaches(key: PrincipalKey, { permissions, actions, repositories }: DenyAssignment): boolean {
    const patterns = repositories?.map(formatRepositoryPattern) ?? ['*']
    const isIn = (extent: Extent) =>
      (actions.length > 0 && extent.hasControl) || patterns.some((pattern) => extent.meets(pattern, permissions))
    if (key === EVERYONE || isIn(this.#shared)) return isIn(this.#everybody)
    if (key.startsWith('token:')) {
      const own = this.#compiled.principals.get(key)
      return own !== undefined && isIn(new Extent([own]))
    }
    const issuer = this.#issuer(key)
    return issuer !== undefined && isIn(this.#extentOf(issuer))
  }

  #issuer(key: string): string | undefined {
    const [, kind, rest = ''] = /^(identity|subject|group):(.*)$/s.exec(key) ?? []
    return kind === 'identity' ? this.#issuerOf.get(rest) : kind === undefined ? undefined : rest.split('/')[0]
  }

  #extentOf(issuer: string): Extent {
    if (this.#issuers.size === 0) {
      const data = new Map<string, PrincipalData[]>()
      for (const [key, own] of this.#compiled.principals) {
        const name = this.#issuer(key)
        if (name === undefined) continue
        const list = data.get(name)
        if (list === undefined) data.set(name, [own])
        else list.push(own)
      }
      for (const [name, list] of data) this.#issuers.set(name, new Extent(list))
    }
    return this.#issuers.get(issuer) ?? new Extent([])
  }
}

/** Where which permissions are granted by any of some principals' rules. */
class Extent {
  readonly hasControl: boolean
  readonly #index = new NameIndex<Cell>()
  /** The patterns of each permission, sorted. */
  readonly #patterns: ReadonlyMap<Permission, readonly string[]>

  constructor(principals: readonly PrincipalData[]) {
    const cells = new Map<string, number>()
    for (const { grants = [] } of principals) {
      for (const { on, bits } of grants) cells.set(on, (cells.get(on) ?? 0) | bits)
    }
    this.hasControl = principals.some(({ control }) => control !== undefined)
    const patterns = new Map<Permission, string[]>(PERMISSIONS.map((permission) => [permission, []]))
    for (const on of [...cells.keys()].sort()) {
      const bits = cells.get(on) ?? 0
      this.#index.add(on, { on, bits })
      for (const permission of permissionsOf(bits)) patterns.get(permission)?.push(on)
    }
    this.#patterns = patterns
  }

  /** Whether some grant of one of these permissions overlaps the pattern. */
  meets(pattern: string, permissions: readonly Permission[]): boolean {
    const wanted = bitsOf(permissions)
    const text = pattern.endsWith('*') ? pattern.slice(0, -1) : pattern
    const isCovered = ({ on, bits }: Cell) => (bits & wanted) !== 0 && namePatternCovers(on, pattern)
    if (this.#index.find(text, isCovered) !== undefined) return true
    return text !== pattern && permissions.some((permission) => beginsWith(this.#patterns.get(permission) ?? [], text))
  }
}

type Cell = Pick<GrantData, 'on' | 'bits'>

/** Whether one of the sorted texts begins with `prefix`: if any does, the first that does not sort before it. */
function beginsWith(sorted: readonly string[], prefix: string): boolean {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((sorted[middle] ?? '') < prefix) low = middle + 1
    else high = middle
  }
  return sorted[low]?.startsWith(prefix) === true
}
