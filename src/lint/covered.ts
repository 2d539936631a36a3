/**
 * Which rules of one principal add nothing to its other rules. Looks at each grant once, however many there are; only grants
 * without condition and window can cover another one.
 */
import type { GrantData } from '../policy/decide/compiled.ts'
import { NameIndex } from '../policy/decide/name-index.ts'
import { namePatternCovers } from '../policy/decide/name-pattern.ts'
import { PERMISSION_BITS, permissionsOf } from '../policy/permission-bits.ts'

/** The first two rules that grant a permission on a pattern: one of them is another rule than the one asked about. */
type Cell = { readonly on: string; readonly bit: number; readonly rules: string[] }

/**
 * @returns each role assignment that is covered, with a rule that covers a part of it. What all of them together give, the
 * rules that are not returned give too.
 */
export function coveredRules(grants: readonly GrantData[]): ReadonlyMap<string, string> {
  const cells = new Map<string, Cell>()
  const index = new NameIndex<Cell>()
  for (const { on, bits, rule, when, from, until } of grants) {
    if (when !== undefined || from !== undefined || until !== undefined) continue
    for (const permission of permissionsOf(bits)) {
      const bit = PERMISSION_BITS[permission]
      const cell = cells.get(`${bit} ${on}`) ?? { on, bit, rules: [] }
      if (cell.rules.length === 0) {
        cells.set(`${bit} ${on}`, cell)
        index.add(on, cell)
      }
      if (cell.rules.length < 2 && !cell.rules.includes(rule)) cell.rules.push(rule)
    }
  }
  const covered = new Map<string, string>()
  const kept = new Set<string>()
  for (const { on, bits, rule } of grants) {
    if (!rule.startsWith('roleAssignment ') || kept.has(rule)) continue
    const by = permissionsOf(bits).map((permission) => coverOf(index, on, PERMISSION_BITS[permission], rule))
    if (by[0] === undefined || by.includes(undefined)) {
      kept.add(rule)
      covered.delete(rule)
    } else covered.set(rule, by[0])
  }
  return covered
}

/** Another rule that grants this on a larger pattern, or before this one on the same. */
function coverOf(index: NameIndex<Cell>, on: string, bit: number, rule: string): string | undefined {
  const text = on.endsWith('*') ? on.slice(0, -1) : on
  const cell = index.find(
    text,
    (candidate) =>
      candidate.bit === bit && namePatternCovers(candidate.on, on) && coverIn(candidate, on, rule) !== undefined,
  )
  return cell && coverIn(cell, on, rule)
}

function coverIn({ on: pattern, rules }: Cell, on: string, rule: string): string | undefined {
  if (pattern !== on) return rules.find((other) => other !== rule)
  return rules[0] === rule ? undefined : rules[0]
}
