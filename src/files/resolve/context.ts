/** What resolving an entry may look at, besides the entry. */
import type { Mode, Source } from '../../policy/model.ts'
import type { Declarations } from '../collect.ts'
import type { Names } from '../names.ts'
import type { Report } from '../problem.ts'
import type { Roles } from './roles.ts'

/** What resolving a rule needs to know of the whole policy set. */
export type Context = {
  readonly declared: Declarations
  readonly names: Names
  readonly roles: Roles
  readonly mode: Mode
  /** The name of a rule; made from its place if its author gave none. */
  readonly ruleName: (name: string, source: Source) => string
  readonly report: Report
}

type Section = Exclude<keyof Declarations, 'azure' | 'addNames' | 'claim' | 'claimBuiltIn'>
/** A declared entry of one section. */
export type Item<K extends Section> = Declarations[K][number]
/** A declared item of one of Azure's lists. */
export type AzureItem<K extends keyof Declarations['azure']> = Declarations['azure'][K][number]
