/**
 * A policy folder whose tokens are changed: finds the file that holds one, writes the changed text in its place. What
 * would make the set invalid is not written; a file is replaced whole or not at all.
 */
import { randomBytes } from 'node:crypto'
import { lstat, open, readFile, realpath, rename, rm, stat } from 'node:fs/promises'
import { dirname, isAbsolute, join, relative } from 'node:path'
import { nearest } from '../../../base/spelling.ts'
import { count } from '../../../base/text.ts'
import { isMapping, type Mapping } from '../../../files/document.ts'
import { readFolder } from '../../../files/folder.ts'
import { type PolicyText, readPolicies } from '../../../files/load.ts'
import { type Problem, Report } from '../../../files/problem.ts'
import type { PolicySet, Token } from '../../../policy/model.ts'
import { formatProblem, invalidPolicies, type Reading } from '../../answers/policies.ts'
import { CommandError } from '../../terminal/command-error.ts'
import * as output from '../../terminal/output.ts'
import type { Value } from './render.ts'
import { dataOf, setValue } from './splice.ts'

/** One change of a token: the keys below its name, and the value that they get; undefined removes it. */
export type Change = { readonly path: readonly string[]; readonly value: Value | undefined }

const TEST_FILE = /\.test\.ya?ml$/i
/** Where tokens go if no file has any and the set has several files. */
const NEW_FILE = 'tokens.yaml'

/** The files of a policy folder that hold tokens, ready to be changed. */
export class TokenFolder {
  readonly directory: string
  readonly policies: PolicySet
  readonly #files: readonly PolicyText[]

  private constructor(directory: string, policies: PolicySet, files: readonly PolicyText[]) {
    this.directory = directory
    this.policies = policies
    this.#files = files
  }

  /** @throws {@link CommandError} 1 when the policies are not valid as they are */
  static async open(directory: string, reading: Reading = {}): Promise<TokenFolder> {
    const report = new Report()
    const files = (await readFolder(directory, report)) ?? []
    const { policies, problems } = report.errors === 0 ? readPolicies(files) : { policies: undefined, problems: [] }
    if (policies !== undefined) return new TokenFolder(directory, policies, files)
    throw invalidPolicies(directory, [...report.problems, ...problems], reading)
  }

  token(name: string): Token | undefined {
    return this.policies.tokens.find((token) => token.name === name)
  }

  /** @throws {@link CommandError} 1 when there is none */
  needToken(name: string): Token {
    const token = this.token(name)
    if (token !== undefined) return token
    const near = nearest(
      name,
      this.policies.tokens.map((item) => item.name),
    )
    throw new CommandError(1, `${this.directory} has no token "${name}"`, {
      hint: near === undefined ? `make it with \`dockgate token create ${name}\`` : `did you mean ${near}?`,
    })
  }

  /** What the file says of a token under `tokens`; an Azure list is not a file of this kind. */
  entry(file: string, name: string): Mapping | undefined {
    const tokens = this.#tokens(file)
    const entry = tokens?.[name]
    return isMapping(entry) ? entry : undefined
  }

  /** The file, relative to the folder, that holds the token under `tokens`. */
  fileOf(name: string): string | undefined {
    return this.#policyFiles().find(({ path }) => this.entry(path, name) !== undefined)?.path
  }

  /**
   * The file for a new token: `wanted`, else the first that has tokens, else the only one, else a new one.
   *
   * @throws {@link CommandError} 2 when `wanted` is not a policy file of the folder
   */
  fileForNew(wanted: string | undefined): string {
    if (wanted !== undefined) return this.#wanted(wanted)
    const files = this.#policyFiles()
    const own = files.find(({ path }) => this.#tokens(path) !== undefined) ?? this.#hasSection(files)
    if (own !== undefined) return own.path
    const [only, ...others] = files.filter(({ path, text }) => isMapping(dataOf(path, text).value))
    return only !== undefined && others.length === 0 ? only.path : NEW_FILE
  }

  /**
   * Change a token in a file, check the whole set, write the file.
   *
   * @throws {@link CommandError} 1 when the file cannot be changed in place or the set would not be valid; 3 when it
   * cannot be written
   */
  async write(file: string, name: string, changes: readonly Change[]): Promise<void> {
    const known = this.#files.find(({ path }) => path === file)
    let text = known?.text ?? ''
    for (const { path, value } of changes) {
      const next = setValue(file, text, ['tokens', name, ...path], value)
      if (next === undefined) {
        throw new CommandError(1, `${join(this.directory, file)} is laid out so that it cannot be changed in place`, {
          hint: `write the token ${name} without aliases and as a mapping of its own, or name another file with --file`,
        })
      }
      text = next
    }
    const others = this.#files.filter(({ path }) => path !== file)
    const { policies, problems } = readPolicies([...others, { path: file, text }])
    if (policies === undefined) throw this.#invalid(problems)
    await replaceFile(join(this.directory, file), known?.text, text)
  }

  #invalid(problems: readonly Problem[]): CommandError {
    const errors = problems.filter(({ severity }) => severity === 'error')
    output.note(errors.flatMap((problem) => formatProblem(this.directory, problem)))
    return new CommandError(1, `the change would make the policies invalid: ${count(errors.length, 'error')}`, {
      hint: 'nothing was changed; see above',
    })
  }

  #policyFiles(): readonly PolicyText[] {
    return this.#files.filter(({ path }) => !TEST_FILE.test(path)).toSorted((a, b) => (a.path < b.path ? -1 : 1))
  }

  #tokens(file: string): Mapping | undefined {
    const { value } = dataOf(file, this.#files.find(({ path }) => path === file)?.text ?? '')
    const tokens = isMapping(value) ? value.tokens : undefined
    return isMapping(tokens) ? tokens : undefined
  }

  /** The first file with a `tokens` key that holds nothing yet. */
  #hasSection(files: readonly PolicyText[]): PolicyText | undefined {
    return files.find(({ path, text }) => {
      const { value } = dataOf(path, text)
      return isMapping(value) && 'tokens' in value
    })
  }

  #wanted(wanted: string): string {
    const known = this.#policyFiles().map(({ path }) => path)
    // As it is seen from where the command runs, or from the folder.
    const spellings = [relative(this.directory, wanted), wanted].map((path) => path.replaceAll('\\', '/'))
    const path = spellings.find((spelling) => known.includes(spelling)) ?? spellings.find(isInside)
    if (path !== undefined && /\.(?:ya?ml|json)$/i.test(path) && !TEST_FILE.test(path)) return path
    throw new CommandError(2, `${wanted} cannot be a policy file of ${this.directory}`, {
      hint: `name a *.yaml, *.yml or *.json in it; there are ${known.join(', ')}`,
    })
  }
}

/** Neither outside of the folder nor hidden in it. */
const isInside = (path: string): boolean => !isAbsolute(path) && !path.split('/').some((part) => part.startsWith('.'))

/** A new file in the same folder replaces the old one, with its mode; a link stays a link. */
async function replaceFile(file: string, before: string | undefined, text: string): Promise<void> {
  let temporary: string | undefined
  try {
    const target = before === undefined ? file : await realpath(file)
    if (before === undefined && (await lstat(target).catch(() => undefined)) !== undefined) {
      throw new Error('it exists, and is not a file that can be read')
    }
    const kept = before === undefined ? '' : await readFile(target, 'utf8')
    const mark = kept.startsWith('\uFEFF') ? '\uFEFF' : ''
    if (kept !== mark + (before ?? '')) throw new Error('it has changed meanwhile')
    const mode = before === undefined ? 0o644 : (await stat(target)).mode & 0o7777
    // A name with a dot in front is not a policy file while it is written.
    temporary = join(dirname(target), `.dockgate-${randomBytes(6).toString('hex')}`)
    const handle = await open(temporary, 'wx', mode)
    try {
      await handle.writeFile(mark + text)
      // The process's mask does not apply to a mode that is kept.
      if (before !== undefined) await handle.chmod(mode)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(temporary, target)
  } catch (cause) {
    if (temporary !== undefined) await rm(temporary, { force: true })
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new CommandError(3, `${file} cannot be written: ${why}`, { hint: 'nothing was changed', cause })
  }
}
