/**
 * A policy folder, loaded and compiled for questions: what every command that answers one begins with.
 */

import type { DecisionTest } from '../files/decision-test.ts'
import { loadPolicies } from '../files/load.ts'
import { formatSource, type Problem } from '../files/problem.ts'
import { callerOfPrincipal, type Extras } from '../identity/assume.ts'
import { compile } from '../policy/compile.ts'
import { type CompiledPolicy, formatRule, type Rule } from '../policy/compiled.ts'
import type { PolicySet } from '../policy/model.ts'
import type { Principal } from '../policy/principal.ts'
import { type RulePlace, rulePlaces } from '../policy/rule.ts'
import { type Common, openCommon, openPrincipal, type Standing, standingOf } from '../policy/standing.ts'
import { CommandError } from './command-error.ts'
import * as output from './output.ts'

export const DEFAULT_DIRECTORY = 'policies'

/** How results name a rule: `kind` and `name` as its author knows it, `source` as `file:line`. */
export type RuleReference = { readonly kind: Rule['kind']; readonly name: string; readonly source?: string }

export class Policies {
  readonly directory: string
  readonly set: PolicySet
  readonly compiled: CompiledPolicy
  readonly common: Common
  readonly tests: readonly DecisionTest[]
  readonly #places: ReadonlyMap<string, RulePlace>

  constructor(directory: string, set: PolicySet, tests: readonly DecisionTest[]) {
    this.directory = directory
    this.set = set
    this.tests = tests
    this.compiled = compile(set)
    this.common = openCommon(this.compiled.common)
    this.#places = rulePlaces(set)
  }

  /** The standing of a principal that is named, not proved. */
  standing(principal: Principal, extras: Extras): Standing {
    const caller = callerOfPrincipal(principal, extras, this.common)
    const own = caller.acts.flatMap((key) => {
      const data = this.compiled.principals.get(key)
      return data === undefined ? [] : [openPrincipal(data)]
    })
    return standingOf(caller, this.common, own)
  }

  reference(rule: Rule): RuleReference {
    const place = this.#places.get(formatRule(rule))
    if (place?.source === undefined) return { kind: rule.kind, name: place?.name ?? rule.id }
    return { kind: rule.kind, name: place.name, source: this.path(place.source) }
  }

  /** `policies/ci.yaml:12`, as it is seen from where the command runs. */
  path({ file, line }: { readonly file: string; readonly line: number }): string {
    return `${this.directory.replace(/\/+$/, '')}/${file}:${line}`
  }
}

export const severityStyle = { error: 'red', warning: 'yellow' } as const

/** One problem as a person reads it, in lines: `policies/a.yaml:3:5: error: …`, and the hint. */
export function formatProblem(
  directory: string,
  { severity, source, message, hint, code }: Problem,
): readonly string[] {
  const place = `${directory.replace(/\/+$/, '')}/${formatSource(source)}`
  const head = `${place}: ${output.noteStyle(severityStyle[severity], `${severity}:`)} ${message} [${code}]`
  return hint === undefined ? [head] : [head, `    hint: ${hint}`]
}

/** @throws {@link CommandError} 2 when there is no such folder: a name mistyped is no answer about its policies */
export async function loadFolder(directory: string): ReturnType<typeof loadPolicies> {
  const loaded = await loadPolicies(directory)
  const missing = loaded.problems.find(({ code }) => code === 'folder_missing')
  if (missing === undefined) return loaded
  throw new CommandError(2, missing.message, missing.hint === undefined ? {} : { hint: missing.hint })
}

/**
 * Load a folder or end the command, with every problem shown on standard error.
 *
 * @throws {@link CommandError} 1 when the policies are not valid, 2 when there is no such folder
 */
export async function readPolicies(directory: string): Promise<Policies> {
  const { policies, tests, problems } = await loadFolder(directory)
  const errors = problems.filter(({ severity }) => severity === 'error')
  if (policies !== undefined) return new Policies(directory, policies, tests)
  for (const problem of errors) output.note(formatProblem(directory, problem))
  throw new CommandError(1, `the policies in ${directory} are not valid: ${count(errors.length, 'error')}`, {
    hint: 'mend what is listed above, then try again; `dockgate check` shows warnings too',
  })
}

export const count = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? '' : 's'}`
