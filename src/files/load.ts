/**
 * Policy files as a policy set, its decision tests, and everything that is wrong with them: the door of this room. Reads
 * all that there is before it answers; never throws for what a file holds.
 */
import { compareCodeUnits } from '../base/text.ts'
import type { PolicySet } from '../policy/model.ts'
import { collect, Declarations } from './collect.ts'
import { type DecisionTest, readTests } from './decision-test.ts'
import { FileDocument } from './document.ts'
import { readFolder } from './folder.ts'
import { complaint, type Problem, Report } from './problem.ts'
import { resolve } from './resolve/resolve.ts'

/** The text of one policy file. */
export type PolicyText = {
  /** Relative to the policy folder, with `/`. */
  readonly path: string
  readonly text: string
}

/** A policy set with its tests, and everything that is wrong with its files. */
export type LoadResult = {
  /** Only when no problem is an error. */
  readonly policies?: PolicySet
  /** Those that can be read, whatever the policies are like. */
  readonly tests: readonly DecisionTest[]
  /** By file, line and column. */
  readonly problems: readonly Problem[]
}

/**
 * Load a policy folder: `*.yaml`, `*.yml` and `*.json` at any depth. Entries whose name starts with a dot are skipped;
 * symbolic links are followed to what lies below the folder, a folder reached twice is read once. What cannot be read is a
 * problem, never an exception.
 */
export async function loadPolicies(directory: string): Promise<LoadResult> {
  const report = new Report()
  const files = await readFolder(directory, report)
  return files === undefined ? { tests: [], problems: report.problems } : readPolicies(files, report)
}

const TEST_FILE = /\.test\.ya?ml$/i

const NO_DATA = complaint('file_empty', 'the file holds no data', 'fill it, or remove it')

/**
 * The same for texts at hand; their order does not matter.
 *
 * @param report what is wrong so far; default: nothing
 */
export function readPolicies(files: readonly PolicyText[], report: Report = new Report()): LoadResult {
  const declared = new Declarations(report)
  const tests: DecisionTest[] = []
  for (const { path, text } of files.toSorted((a, b) => compareCodeUnits(a.path, b.path))) {
    const document = FileDocument.read(path, text, report)
    const isEmpty = !document.broken && (document.value ?? undefined) === undefined
    if (isEmpty && text !== '') report.warning(document.at([]), NO_DATA)
    if (TEST_FILE.test(path)) tests.push(...readTests(document, report))
    else collect(document, declared, report)
  }
  const policies = resolve(declared, report)
  return { ...(report.errors === 0 ? { policies } : {}), tests, problems: report.problems }
}
