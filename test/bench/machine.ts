/** The machine that measures, and what its processes cost. */
import { readdir, readFile } from 'node:fs/promises'
import { cpus, loadavg, totalmem } from 'node:os'

export const describeMachine = () => ({
  date: new Date().toISOString(),
  cpu: cpus()[0]?.model.trim() ?? 'unknown',
  cores: cpus().length,
  memoryGiB: Math.round(totalmem() / 1024 ** 3),
  node: process.version,
  platform: process.platform,
  /** Over the last minute: above the number of cores, others were busy. */
  load: loadavg()[0] ?? 0,
})

/**
 * CPU time of all threads of a process, in microseconds, from the kernel's scheduler; where there is none to ask, as on
 * systems other than Linux, not a number.
 */
export async function cpuMicroseconds(pid: number): Promise<number> {
  try {
    const threads = await readdir(`/proc/${pid}/task`)
    const times = await Promise.all(threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/schedstat`, 'utf8')))
    return times.reduce((sum, text) => sum + Number(text.split(' ', 1)[0]) / 1000, 0)
  } catch {
    return Number.NaN
  }
}

/** CPU time of this thread so far, in microseconds: what others do on the machine does not count. */
export function ownCpuMicroseconds(): number {
  const { user, system } = process.threadCpuUsage()
  return user + system
}

/** Processes that `run` started and that still live, by their number. */
export async function startedBy<T>(run: () => Promise<T>): Promise<readonly [T, readonly number[]]> {
  const before = new Set(await children())
  const value = await run()
  return [value, (await children()).filter((pid) => !before.has(pid))]
}

async function children(): Promise<readonly number[]> {
  const names = await readdir('/proc').catch(() => [])
  const found = await Promise.all(names.filter((name) => /^\d+$/.test(name)).map(parentOf))
  return found.flatMap(([pid, parent]) => (parent === process.pid ? [pid] : []))
}

async function parentOf(name: string): Promise<readonly [pid: number, parent: number]> {
  const stat = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '')
  const [, parent = ''] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return [Number(name), Number(parent)]
}
