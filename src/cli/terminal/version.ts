/** Which version this is, and of which commit. */
import packageJson from '../../../package.json' with { type: 'json' }

/** Set by `npm run build`: the commit that the package is made from, null where it is made from no clone. */
declare const DOCKGATE_COMMIT: string | null | undefined

/** The version of `package.json`, the only place that says it. */
export const VERSION = packageJson.version

/** `0.2.0 (1a2b3c4d5e6f)`; without the commit where it is not known. */
export async function versionText(): Promise<string> {
  const commit = typeof DOCKGATE_COMMIT === 'undefined' ? await commitOf(import.meta.dirname) : DOCKGATE_COMMIT
  return commit === null ? VERSION : `${VERSION} (${commit})`
}

/** @returns the first 12 digits of the commit that a folder of a clone is at; null where git does not know it */
export async function commitOf(folder: string): Promise<string | null> {
  const { execFileSync } = await import('node:child_process')
  try {
    const stdio = ['ignore' as const, 'pipe' as const, 'ignore' as const]
    return execFileSync('git', ['rev-parse', '--short=12', 'HEAD'], { cwd: folder, encoding: 'utf8', stdio }).trim()
  } catch {
    return null
  }
}
