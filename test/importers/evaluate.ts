/** Whether a place holds for a repository: what the gate would say of its condition, told without the condition language. */
import type { Where } from '../../src/importers/where.ts'

export function holds(where: Where, name: string): boolean {
  switch (where.kind) {
    case 'constant':
      return where.value
    case 'equals':
      return where.name === name
    case 'prefix':
      return name.startsWith(where.prefix)
    case 'like':
      return isLike(where.pattern, name)
    case 'and':
      return where.parts.every((part) => holds(part, name))
    case 'or':
      return where.parts.some((part) => holds(part, name))
    case 'not':
      return !holds(where.part, name)
    case 'ip':
      throw new Error('an address is not asked for here')
  }
}

function isLike(pattern: string, name: string): boolean {
  let ends = new Set([0])
  for (const char of pattern) {
    const next = new Set<number>()
    for (const end of ends) {
      if (char === '*') for (let at = end; at <= name.length; at++) next.add(at)
      else if (end < name.length && (char === '?' || char === name[end])) next.add(end + 1)
    }
    ends = next
  }
  return ends.has(name.length)
}
