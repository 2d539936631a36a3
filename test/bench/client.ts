/** The measuring process, as its parent sees it. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Order, Result } from './load.ts'

export type Load = {
  /** Rejects when an answer is not a 200. One at a time. */
  run(order: Order): Promise<Result>
  close(): void
}

export function startLoad(): Load {
  const child = fork(fileURLToPath(new URL('./load.ts', import.meta.url)))
  return {
    async run(order) {
      child.send(order)
      const [message]: { result?: Result; error?: string }[] = await once(child, 'message')
      if (message?.result === undefined) throw new Error(`${order.method} ${order.path}: ${message?.error}`)
      return message.result
    },
    close: () => child.disconnect(),
  }
}
