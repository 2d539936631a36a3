/** Lints of protections: whether they cover anything, and whether they leave anything of a rule. */
import { rulePlaces } from '../policy/compile/rule.ts'
import { type CompiledPolicy, type GrantData, type ProtectionData, parseRule } from '../policy/decide/compiled.ts'
import { namePatternCovers } from '../policy/decide/name-pattern.ts'
import { bitsOf } from '../policy/permission-bits.ts'
import { ANONYMOUS, EVERYONE, type PrincipalKey } from '../policy/principal.ts'
import type { Lint } from './lint.ts'

const CHANGES = bitsOf(['content/write', 'content/delete'])
const DELETE = bitsOf(['content/delete'])

/** The lint `?`. */
export const protectionWithoutEffect: Lint = {
  id: 'protection_without_effect',
  explanation:
    'A protection of repositories to which nobody may push, and in which nobody may delete, refuses nothing: often the repository is misspelt.',
  fix: 'mend its repositories, or remove it',
  *find({ policies, compiled }) {
    if (policies.protections.length === 0) return
    const patterns = new Set<string>()
    for (const [, grants] of grantsOf(compiled)) {
      for (const { on, bits } of grants) if ((bits & CHANGES) !== 0) patterns.add(on)
    }
    const meets = (own: string) =>
      [...patterns].some((other) => namePatternCovers(own, other) || namePatternCovers(other, own))
    for (const [index, { name, on }] of (compiled.common.protections ?? []).entries()) {
      const source = policies.protections[index]?.source
      if (source === undefined || (on ?? ['*']).some(meets)) continue
      yield { source, message: `protection ${name} covers only repositories that nobody may change` }
    }
  },
}

/** The lint `?`. */
export const ruleBehindProtection: Lint = {
  id: 'rule_behind_protection',
  explanation:
    'A rule that grants only deletes, on repositories in which a write-once protection keeps every tag, grants next to nothing.',
  fix: 'add the principal to except of the protection, name the tags that it keeps, or remove the rule',
  *find({ policies, compiled }) {
    const keepers = (compiled.common.protections ?? []).filter(keepsEveryTag)
    if (keepers.length === 0) return
    const places = rulePlaces(policies)
    const seen = new Set<string>()
    for (const [principal, grants] of grantsOf(compiled)) {
      for (const [rule, own] of Map.groupBy(grants, (grant) => grant.rule)) {
        const keeper = keepers.find((protection) => keepsAll(protection, own, principal))
        const place = places.get(rule)
        const { kind } = parseRule(rule)
        if (keeper === undefined || place?.source === undefined || kind === 'anonymous' || seen.has(rule)) continue
        seen.add(rule)
        const text = kind === 'roleAssignment' ? 'role assignment' : 'scope map'
        const message = `${text} ${place.name} grants only deletes, and protection ${keeper.name} refuses them`
        yield { source: place.source, message }
      }
    }
  },
}

function* grantsOf({ common, principals }: CompiledPolicy): Iterable<readonly [PrincipalKey, readonly GrantData[]]> {
  yield [EVERYONE, common.everyone.grants ?? []]
  yield [ANONYMOUS, common.anonymous.grants ?? []]
  for (const [key, { grants = [] }] of principals) yield [key, grants]
}

const keepsEveryTag = ({ writeOnce, audit, tags }: ProtectionData): boolean =>
  writeOnce === true && audit !== true && (tags === undefined || tags.includes('*'))

const keepsAll = ({ on = ['*'], except }: ProtectionData, grants: readonly GrantData[], key: PrincipalKey): boolean =>
  except?.includes(key) !== true &&
  grants.every(({ bits, on: granted }) => bits === DELETE && on.some((own) => namePatternCovers(own, granted)))
