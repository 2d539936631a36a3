/** The name patterns of a compiled policy: what each covers. Never looks anything up; see `./name-index.ts` for that. */
import type { NamePattern } from './compiled.ts'

/** Whether a repository name, or every name of another pattern, is one of `pattern`. */
export const namePatternCovers = (pattern: NamePattern, nameOrPattern: NamePattern): boolean =>
  pattern.endsWith('*') ? nameOrPattern.startsWith(pattern.slice(0, -1)) : nameOrPattern === pattern

/** How much one pattern can reach: the whole registry, all names with one beginning, or a single repository. */
export type Scale = 'everything' | 'prefix' | 'repository'

/** How many names a pattern matches: one, those of a prefix, or every name. */
export const scaleOf = (pattern: NamePattern): Scale =>
  pattern === '*' ? 'everything' : pattern.endsWith('*') ? 'prefix' : 'repository'
