/** Calls back once a folder has been quiet for a moment after something in it changed. */
import { type FSWatcher, readdirSync, watch as watchFolder } from 'node:fs'
import { join } from 'node:path'

const QUIET_MS = 100

/**
 * Watches folders and never files: Node's own recursive watch stays with a file that an editor has put another one in the
 * place of, and misses what is written into that.
 */
export function watch(directory: string, onChange: () => void): { close(): void } {
  let timer: NodeJS.Timeout | undefined
  let watchers: readonly FSWatcher[] = []
  const close = () => {
    clearTimeout(timer)
    for (const watcher of watchers) watcher.close()
    watchers = []
  }
  const touched = () => {
    clearTimeout(timer)
    timer = setTimeout(() => {
      // There may be other folders now. What changes from here on is seen; what changed before is read.
      open()
      onChange()
    }, QUIET_MS)
  }
  const open = () => {
    close()
    watchers = foldersOf(directory).flatMap((folder) => {
      try {
        return [watchFolder(folder, touched).on('error', touched)]
      } catch {
        // A folder that is gone again is reported by the next load.
        return []
      }
    })
  }
  open()
  return { close }
}

function foldersOf(directory: string): readonly string[] {
  try {
    const entries = readdirSync(directory, { recursive: true, withFileTypes: true })
    return [directory, ...entries.filter((entry) => entry.isDirectory()).map((one) => join(one.parentPath, one.name))]
  } catch {
    return [directory]
  }
}
