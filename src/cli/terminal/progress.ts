/**
 * What a command is doing, on the last line of the terminal, for everything that may take longer than a moment. Says
 * nothing where standard error is not a terminal.
 */
import * as output from './output.ts'

/** A task that is shorter than this shows nothing. */
const PATIENCE_MS = 300
const TICK_MS = 250

/** There is one last line: inside a task that is shown, no other one is. */
let busy = false

/**
 * Says how far a task is, such as `12 of 512 shards`. It may be called often.
 *
 * @param atOnce also before a moment has passed: what follows lets no timer run
 */
export type Tell = (detail: string, atOnce?: boolean) => void

/** Shows `what` and the seconds that it has taken, until `task` ends. */
export async function showing<T>(what: string, task: (tell: Tell) => Promise<T>): Promise<T> {
  if (busy || !output.isTerminal('stderr')) return task(() => {})
  busy = true
  const start = performance.now()
  let detail = ''
  let shown: number | undefined
  const show = () => {
    const now = performance.now()
    shown = now
    const seconds = Math.floor((now - start) / 1000)
    const parts = [what, detail, seconds === 0 ? '' : `${seconds} s`].filter((part) => part !== '')
    output.statusLine(cut(parts.join(', '), output.columns('stderr') - 1))
  }
  const timer = setInterval(() => {
    if (performance.now() - start >= PATIENCE_MS) show()
  }, TICK_MS)
  try {
    return await task((next, atOnce = false) => {
      detail = next
      const now = performance.now()
      if (atOnce || (now - start >= PATIENCE_MS && now - (shown ?? 0) >= TICK_MS)) show()
    })
  } finally {
    busy = false
    clearInterval(timer)
    if (shown !== undefined) output.statusLine('')
  }
}

const cut = (text: string, width: number): string => (text.length <= width ? text : `${text.slice(0, width - 1)}…`)
