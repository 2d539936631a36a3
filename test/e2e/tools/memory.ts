/** How much memory the process behind a port holds, read from Linux's `/proc` (proc(5)). */

import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** Process id of the program that listens on this port of 127.0.0.1. Throws when nobody does. */
export function listenerOf(url: string): number {
  const port = Number(new URL(url).port).toString(16).toUpperCase().padStart(4, '0')
  const listening = new RegExp(`^ *\\d+: [0-9A-F]{8}:${port} 00000000:0000 0A (?:\\S+ +){5}(\\d+)`, 'm')
  const inode = listening.exec(readFileSync('/proc/net/tcp', 'utf8'))?.[1]
  const found = readdirSync('/proc').find((name) => /^\d+$/.test(name) && socketsOf(name).includes(`socket:[${inode}]`))
  if (inode === undefined || found === undefined) throw new Error(`no process listens on ${url}`)
  return Number(found)
}

function socketsOf(process: string): readonly string[] {
  const directory = `/proc/${process}/fd`
  try {
    return readdirSync(directory).map((file) => linkOf(`${directory}/${file}`))
  } catch {
    return []
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}

/** Resident set size in bytes. */
export function residentBytes(process: number): number {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${process}/status`, 'utf8'))?.[1]
  if (kibibytes === undefined) throw new Error(`process ${process} has ended`)
  return Number(kibibytes) * 1024
}

/** How far the process grew beyond what it held at the start, at its worst, while `work` ran. Looked at every 10 ms. */
export async function growthDuring(process: number, work: () => Promise<unknown>): Promise<number> {
  const before = residentBytes(process)
  let most = before
  const look = () => {
    most = Math.max(most, residentBytes(process))
  }
  const timer = setInterval(look, 10)
  try {
    await work()
    look()
  } finally {
    clearInterval(timer)
  }
  return most - before
}
