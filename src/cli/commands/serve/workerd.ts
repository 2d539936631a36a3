/**
 * One process of workerd that runs a gate: started, watched and ended. workerd itself finishes the requests under way when it
 * gets SIGTERM.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { isRecord } from '../../../base/json.ts'
import { CommandError } from '../../terminal/command-error.ts'

/** How long requests under way may take after the gate is told to end. */
const GRACE_MS = 30_000
/** Lines of workerd that an error shows. */
const SHOWN = 20

/** A process of workerd, and what its lines are given to. */
export type WorkerdOptions = {
  /** Path of the program. */
  readonly program: string
  readonly configuration: string
  /** The names of its sockets. */
  readonly sockets: readonly string[]
  /** The whole environment of the process. */
  readonly environment: Readonly<Record<string, string>>
  /** Takes a line of the gate's log, which is a JSON object. A promise that is not settled holds further lines back. */
  readonly onRecord: (line: string) => void | Promise<void>
  /** Takes any other line. */
  readonly onLine: (line: string) => void | Promise<void>
}

/** A running gate. */
export type Workerd = {
  /** The port of each socket by its name. */
  readonly ports: ReadonlyMap<string, number>
  /** Settles when the process has ended, with its exit status. */
  readonly ended: Promise<number>
  /** Ends it: requests under way are finished, for 30 s at most. */
  stop(): Promise<void>
}

/** @throws {@link CommandError} 3 if it does not start */
export async function startWorkerd({
  program,
  configuration,
  sockets,
  environment,
  onRecord,
  onLine,
}: WorkerdOptions): Promise<Workerd> {
  const folder = await mkdtemp(join(tmpdir(), 'dockgate-serve-'))
  const file = join(folder, 'config.capnp')
  await writeFile(file, configuration, { mode: 0o600 })
  // Files of TLS are named by absolute paths, which workerd looks for below an import path.
  const child = spawn(program, ['serve', '--control-fd=3', '--import-path=/', file], {
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  })
  const last: string[] = []
  const ended = endOf(child)
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue
    void relay(stream, async (line) => {
      if (RECORD.test(line)) return onRecord(line)
      last.push(line)
      if (last.length > SHOWN) last.shift()
      return onLine(line)
    })
  }
  const control = child.stdio[3] as Readable
  const started = await Promise.race([portsOf(control, sockets), ended])
  await rm(folder, { recursive: true, force: true })
  if (typeof started === 'number') {
    throw new CommandError(3, `workerd did not start, and ended with status ${started}`, {
      details: last,
      hint: 'if the address is in use, choose another with --listen; if there are no CA certificates, install the package ca-certificates',
    })
  }
  return { ports: started, ended, stop: () => endProcess(child, ended) }
}

/** How the lines of the gate's own log begin: records with a time or a version, other lines with their kind. */
const RECORD = /^\{"(?:v|time|kind)":/

async function relay(stream: Readable, take: (line: string) => Promise<void>): Promise<void> {
  for await (const line of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })) await take(line)
}

/** The port of each socket, once workerd listens on all of them: it says so with its first messages. */
async function portsOf(control: Readable, sockets: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const ports = new Map<string, number>()
  for await (const line of createInterface({ input: control })) {
    const message: unknown = JSON.parse(line)
    if (!isRecord(message) || message.event !== 'listen') continue
    if (typeof message.socket === 'string' && typeof message.port === 'number') ports.set(message.socket, message.port)
    if (sockets.every((name) => ports.has(name))) return ports
  }
  return new Promise(() => undefined)
}

function endOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    child.on('error', () => resolve(127))
    child.on('exit', (status, signal) => resolve(status ?? (signal === null ? 1 : 128)))
  })
}

async function endProcess(child: ChildProcess, ended: Promise<number>): Promise<void> {
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), GRACE_MS)
  await ended
  clearTimeout(timer)
}

/**
 * Lets a gate run until it is to stop, and stops it.
 *
 * @throws {@link CommandError} 3 if it ends by itself
 */
export async function runUntil(
  stopped: Promise<void>,
  { ended, stop }: Pick<Workerd, 'ended' | 'stop'>,
): Promise<void> {
  const end = await Promise.race([stopped, ended])
  if (typeof end !== 'number') return stop()
  throw new CommandError(3, `workerd ended with status ${end}`, { hint: 'its last lines are above; start it again' })
}
