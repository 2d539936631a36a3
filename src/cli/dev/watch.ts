/** Calls back once a folder has been quiet for a moment after something in it changed. */
import { watch as watchFolder } from 'node:fs'

const QUIET_MS = 100

export function watch(directory: string, onChange: () => void): { close(): void } {
  let timer: NodeJS.Timeout | undefined
  const watcher = watchFolder(directory, { recursive: true }, () => {
    clearTimeout(timer)
    timer = setTimeout(onChange, QUIET_MS)
  })
  // A folder that goes away is reported by the next load.
  watcher.on('error', onChange)
  return {
    close: () => {
      clearTimeout(timer)
      watcher.close()
    },
  }
}
