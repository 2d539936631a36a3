/**
 * A policy folder, loaded and compiled for questions: what every command that answers one begins with.
 */

import { count } from '../../base/text.ts'
import type { DecisionTest } from '../../files/decision-test.ts'
import type { LoadResult } from '../../files/load.ts'
import { formatSource, type Problem } from '../../files/problem.ts'
import { type CallerAttributes, callerOfPrincipal } from '../../identity/named-caller.ts'
import { compile } from '../../policy/compile/compile.ts'
import { type RulePlace, rulePlaces } from '../../policy/compile/rule.ts'
import { type CompiledPolicy, formatRule, type Rule } from '../../policy/decide/compiled.ts'
import {
  type Common,
  type EffectiveRights,
  effectiveRightsOf,
  indexCommon,
  indexPrincipal,
} from '../../policy/decide/effective-rights.ts'
import type { PolicySet, Source } from '../../policy/model.ts'
import type { Principal } from '../../policy/principal.ts'
import { CommandError } from '../terminal/command-error.ts'
import { formatBytes, formatCount } from '../terminal/format.ts'
import * as output from '../terminal/output.ts'
import { showing } from '../terminal/progress.ts'
import { loadPolicies } from './loaded-policies.ts'

/** The policy folder of every command that is given none. */
export const DEFAULT_DIRECTORY = 'policies'

/** A policy folder as a command to paste has to name it: not at all, if it is the default. */
export const otherThanDefault = (directory: string): string | undefined =>
  directory === DEFAULT_DIRECTORY ? undefined : directory

/** How results name a rule: `kind` and `name` as its author knows it; `source` as in {@link placeIn}. */
export type RuleReference = { readonly kind: Rule['kind']; readonly name: string; readonly source?: Source }

/** A policy set with its compiled form, and the places of its rules. */
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
    this.common = indexCommon(this.compiled.common)
    this.#places = rulePlaces(set)
  }

  /** The rights of a principal that is named, not proved. */
  rights(principal: Principal, extras: CallerAttributes): EffectiveRights {
    const caller = callerOfPrincipal(principal, extras, this.common)
    const own = caller.acts.flatMap((key) => {
      const data = this.compiled.principals.get(key)
      return data === undefined ? [] : [indexPrincipal(data)]
    })
    return effectiveRightsOf(caller, this.common, own)
  }

  reference(rule: Rule): RuleReference {
    const place = this.#places.get(formatRule(rule))
    if (place?.source === undefined) return { kind: rule.kind, name: place?.name ?? rule.id }
    return { kind: rule.kind, name: place.name, source: this.place(place.source) }
  }

  /** A place in the folder as {@link placeIn} has it. */
  place(source: Source): Source {
    return placeIn(this.directory, source)
  }
}

/** A place in a policy folder, its file as it is seen from where the command runs: `policies/ci.yaml`. */
export const placeIn = (directory: string, { file, line, column }: Source): Source => ({
  file: `${directory.replace(/\/+$/, '')}/${file}`,
  line,
  column,
})

/** `policies/ci.yaml:12`. */
export const formatPlace = ({ file, line }: Source): string => `${file}:${line}`

const severityStyle = { error: 'red', warning: 'yellow' } as const

/** One problem as a person reads it, in lines: `policies/a.yaml:3:5: error: …`, and the hint. */
export function formatProblem(
  directory: string,
  { severity, source, message, hint, code }: Problem,
): readonly string[] {
  const place = formatSource(placeIn(directory, source))
  const head = `${place}: ${output.noteStyle(severityStyle[severity], `${severity}:`)} ${message} [${code}]`
  return hint === undefined ? [head] : [head, `    hint: ${hint}`]
}

const load = (directory: string): Promise<LoadResult> =>
  showing(`reading ${directory}`, (tell) =>
    loadPolicies(directory, (characters) => {
      if (characters > LARGE) tell(formatBytes(characters), true)
    }),
  )

/** Characters of policy files that take a moment to parse. */
const LARGE = 2_000_000
/** Tokens and role assignments that take a moment to compile. */
const MANY = 50_000

/** @throws {@link CommandError} 2 when the folder does not exist: a name mistyped is not an answer about its policies */
export async function loadFolder(directory: string): Promise<LoadResult> {
  const loaded = await load(directory)
  const missing = loaded.problems.find(({ code }) => code === 'folder_missing')
  if (missing === undefined) return loaded
  throw new CommandError(2, missing.message, missing.hint === undefined ? {} : { hint: missing.hint })
}

/** How a command is used, as far as it matters for policies that are not valid. */
export type Reading = {
  /** Exit status; 2 where the command answers a question and 1 is an answer. Default 1. */
  readonly invalid?: 1 | 2
  /** Whether the command answers in JSON. */
  readonly json?: true | undefined
}

/** Of a command that answers a question, of which 1 is an answer. */
export const questionOf = ({ json }: { readonly json?: true | undefined }): Reading => ({ invalid: 2, json })

/**
 * Load a folder or end the command, with every error shown.
 *
 * @throws {@link CommandError} 1 or 2 when the policies are not valid, 2 when the folder does not exist
 */
export async function readPolicies(directory: string, reading: Reading = {}): Promise<Policies> {
  const { policies, tests, problems } = await loadFolder(directory)
  if (policies !== undefined) {
    return showing(`compiling ${directory}`, async (tell) => {
      const size = policies.tokens.length + policies.roleAssignments.length
      if (size > MANY) tell(`${formatCount(size)} tokens and role assignments`, true)
      return new Policies(directory, policies, tests)
    })
  }
  throw invalidPolicies(directory, problems, reading)
}

/** Show what is wrong with a folder: on standard error, or as the JSON answer. @returns the error that ends the command */
export function invalidPolicies(directory: string, problems: readonly Problem[], reading: Reading): CommandError {
  const errors = problems.filter(({ severity }) => severity === 'error')
  if (reading.json === true) output.json('invalid', { valid: false, problems: problemsIn(directory, errors) })
  else output.note(errors.slice(0, SHOWN).flatMap((problem) => formatProblem(directory, problem)))
  if (reading.json !== true && errors.length > SHOWN) {
    output.note(`${count(errors.length - SHOWN, 'more error')}; --json lists them all`)
  }
  const message = `the policies in ${directory} are not valid: ${count(errors.length, 'error')}`
  const shown = reading.json === true ? 'in the answer' : 'above'
  return new CommandError(reading.invalid ?? 1, message, {
    hint: `mend what is listed ${shown}, then try again; \`dockgate check\` shows warnings too`,
  })
}

/** Errors that a person may read. */
const SHOWN = 100

/** Problems with their places as {@link placeIn} has them. */
export const problemsIn = (directory: string, problems: readonly Problem[]): readonly Problem[] =>
  problems.map((problem) => ({ ...problem, source: placeIn(directory, problem.source) }))
