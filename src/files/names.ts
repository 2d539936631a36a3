/** The names that a policy set defines, by kind; says which was probably meant by one that it does not. */

import { nearest } from '../base/spelling.ts'
import type { Source } from '../policy/model.ts'
import { complaint, type Report } from './problem.ts'

/** Kinds of entries that others refer to by name. */
export type Kind = 'scope map' | 'token' | 'issuer' | 'identity' | 'role'

/** A suggestion costs a look at all names of a kind; after this many looks nobody reads on. */
const MAX_LOOKS = 500_000
const MAX_LISTED = 10

/** The names that a policy set declares, to look up references and to guess what was meant. */
export class Names {
  readonly #names: Readonly<Record<Kind, ReadonlySet<string>>>
  readonly #report: Report
  readonly #suggestions = new Map<string, string | undefined>()
  #looks = 0

  constructor(names: Readonly<Record<Kind, ReadonlySet<string>>>, report: Report) {
    this.#names = names
    this.#report = report
  }

  /** The defined name that `wanted` spells, in another letter case if need be; else `wanted` itself. */
  inAnyCase(kind: Kind, wanted: string): string {
    if (this.#names[kind].has(wanted)) return wanted
    for (const name of this.#names[kind]) if (name.toLowerCase() === wanted.toLowerCase()) return name
    return wanted
  }

  /** Report `name` unless it is defined. */
  require(kind: Kind, name: string, source: Source): void {
    if (!this.#names[kind].has(name)) this.reportUnknown(kind, name, source)
  }

  reportUnknown(kind: Kind, name: string, source: Source): void {
    const guess = this.#suggest(kind, name)
    const hint = guess === undefined ? this.#list(kind) : `did you mean ${guess}?`
    this.#report.error(source, complaint(`unknown_${kind.replace(' ', '_')}`, `no ${kind} is named "${name}"`, hint))
  }

  #list(kind: Kind): string {
    const listed: string[] = []
    for (const name of this.#names[kind]) if (listed.push(name) === MAX_LISTED) break
    return listed.length === 0 ? 'none is defined' : `defined: ${listed.join(', ')}`
  }

  #suggest(kind: Kind, name: string): string | undefined {
    const key = `${kind}\n${name}`
    if (!this.#suggestions.has(key) && this.#looks < MAX_LOOKS) {
      this.#looks += this.#names[kind].size
      this.#suggestions.set(key, nearest(name, this.#names[kind]))
    }
    return this.#suggestions.get(key)
  }
}
