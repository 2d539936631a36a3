/** Policy folders for programs: the policies, and what is wrong with them. */
import { loadPolicies as loadFiles } from '../files/load.ts'
import type { Problem } from '../files/problem.ts'
import type { PolicySet } from '../policy/model.ts'

/** What {@link loadPolicies} found. */
export type Loaded = {
  /** Absent when a problem is an error. */
  readonly policies?: PolicySet
  /** Errors and warnings, by file, line and column. */
  readonly problems: readonly Problem[]
}

/**
 * Loads a policy folder: `*.yaml`, `*.yml` and `*.json` at any depth. Names that begin with a dot are skipped, symbolic
 * links are followed. A file or folder that cannot be read is a problem, never an exception. Decision tests are checked for
 * their form and not run: `dockgate check` runs them.
 */
export async function loadPolicies(directory: string): Promise<Loaded> {
  const { policies, problems } = await loadFiles(directory)
  return { problems, ...(policies === undefined ? {} : { policies }) }
}
