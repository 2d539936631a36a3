/**
 * The folder with the state of protections. Two gates over one folder would each keep claims of their own and none would hold,
 * so that a gate takes the folder for itself.
 */
import { mkdir, open, readFile, rm } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join, resolve } from 'node:path'
import { CommandError } from '../../terminal/command-error.ts'

const LOCK_FILE = 'gate.lock'

/** A folder that this process has taken. */
export type StateFolder = { readonly path: string; release(): Promise<void> }

/** @throws {@link CommandError} 3 if another gate has the folder, or if it cannot be used */
export async function takeStateFolder(directory: string): Promise<StateFolder> {
  const path = resolve(directory)
  const file = join(path, LOCK_FILE)
  try {
    await mkdir(path, { recursive: true, mode: 0o700 })
    await take(file, directory)
  } catch (cause) {
    if (cause instanceof CommandError) throw cause
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new CommandError(3, `the state folder ${directory} cannot be used: ${why}`, { cause })
  }
  return { path, release: () => rm(file, { force: true }) }
}

async function take(file: string, directory: string): Promise<void> {
  let holder = ''
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      const handle = await open(file, 'wx', 0o600)
      await handle.writeFile(`${hostname()} ${process.pid}`)
      await handle.close()
      return
    } catch (cause) {
      if (!(cause instanceof Error && 'code' in cause && cause.code === 'EEXIST')) throw cause
    }
    holder = await readFile(file, 'utf8').catch(() => '')
    const [host, pid] = holder.split(' ')
    if (host !== hostname() || isRunning(Number(pid))) break
    await rm(file, { force: true })
  }
  throw new CommandError(3, `another gate uses the state folder ${directory}: ${holder}`, {
    hint: `protections need one gate for one state folder; if that gate is gone, remove ${file}`,
  })
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
