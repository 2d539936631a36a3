/**
 * Runs the commands of one document as its reader would: in a scratch copy of the example or in an empty folder, with
 * `dockgate` and `npx dockgate` from this checkout, with its servers on free ports.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { writeExamples } from '../support/examples.ts'
import { type Command, ROOT } from './markdown.ts'

const BIN = join(ROOT, 'src', 'cli', 'bin.js')
const START_TIMEOUT_MS = 90_000

const SHIM = `#!/bin/sh
exec "${process.execPath}" "${BIN}" "$@"
`
const NPX = `#!/bin/sh
[ "$1" = dockgate ] || { echo "npx $1 is not run here: mark the block" >&2; exit 99; }
shift
npm_command=exec exec dockgate "$@"
`

export type Outcome = { readonly status: number | null; readonly lines: readonly string[] }

export class DocumentSession {
  readonly #directory = mkdtempSync(join(tmpdir(), 'dockgate-docs-'))
  readonly #work = join(this.#directory, 'checkout')
  readonly #servers: { readonly shown: string; readonly real: string }[] = []
  readonly #children: ChildProcess[] = []
  #count = 0

  /** @param empty begins in an empty folder, and not in a copy of the example */
  constructor(empty: boolean) {
    if (empty) mkdirSync(this.#work)
    else writeExamples(join(this.#work, 'policies'))
    const bin = join(this.#directory, 'bin')
    mkdirSync(bin)
    for (const [name, text] of [
      ['dockgate', SHIM],
      ['npx', NPX],
    ] as const) {
      writeFileSync(join(bin, name), text)
      chmodSync(join(bin, name), 0o755)
    }
  }

  write(name: string, text: string): void {
    const file = join(this.#work, name)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, `${text}\n`)
  }

  /** Both streams, in the order in which they were written, as a terminal shows them. */
  async run({ text: command, output: shown }: Command): Promise<Outcome> {
    const address = /^ready (http:.*)$/.exec(shown[0] ?? '')?.[1]
    if (address !== undefined) return this.#serve(command, address)
    const log = join(this.#directory, `${++this.#count}.log`)
    const output = openSync(log, 'a')
    const child = spawn('/bin/sh', ['-c', this.#real(command)], {
      cwd: this.#work,
      stdio: ['ignore', output, output],
      env: this.#environment(),
    })
    const status = await new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve))
    closeSync(output)
    const lines = readFileSync(log, 'utf8').split('\n')
    return { status, lines: asOnTerminal(command, lines.filter((line) => line !== '').map(this.#documented)) }
  }

  /** From the addresses of the document to those of the servers that run, and back. */
  readonly #real = (text: string): string =>
    this.#servers.reduce((all, { shown, real }) => all.replaceAll(shown, real), text)
  readonly #documented = (text: string): string =>
    this.#servers.reduce((all, { shown, real }) => all.replaceAll(real, shown), text)

  #environment(): NodeJS.ProcessEnv {
    // Whether npm runs the tests is nothing to the documents.
    const { DOCKGATE_SIGNING_KEY: _, POLICY_PUBLIC_KEYS: __, npm_command: ___, ...rest } = process.env
    return { ...rest, PATH: `${join(this.#directory, 'bin')}:${process.env.PATH}`, NO_COLOR: '1' }
  }

  /** A command that prints `ready URL` and goes on: on a free port, until the session is closed. */
  async #serve(command: string, address: string): Promise<Outcome> {
    const text = command
      .replace(/^npm ci && /, '')
      .replace(/^(?:npm start|npx dockgate dev)$/, 'dockgate dev --port 0')
      .replace('node dev/', `node ${join(ROOT, 'dev')}/`)
      .replace(/--port [1-9]\d*/, '--port 0')
    const logFile = join(this.#directory, `${++this.#count}.log`)
    const log = openSync(logFile, 'a')
    const child = spawn('/bin/sh', ['-c', `exec ${text}`], {
      cwd: this.#work,
      stdio: ['ignore', 'pipe', log],
      env: this.#environment(),
    })
    this.#children.push(child)
    const url = await new Promise<string>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`${command} does not start:\n${readFileSync(logFile, 'utf8')}`)),
        START_TIMEOUT_MS,
      )
      let printed = ''
      child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
        printed += chunk
        const ready = /^ready (\S+)\n/m.exec(printed)?.[1]
        if (ready === undefined) return
        clearTimeout(timer)
        resolve(ready)
      })
      child.on('exit', (status) => reject(new Error(`${command} ended with status ${status}`)))
    })
    this.#servers.push({ shown: new URL(address).host, real: new URL(url).host })
    return { status: 0, lines: [`ready ${this.#documented(url)}`] }
  }

  async close(): Promise<void> {
    for (const child of this.#children) {
      if (child.exitCode !== null) continue
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGTERM')
      await ended
    }
    rmSync(this.#directory, { recursive: true, force: true })
  }
}

/** On a terminal the reason of a decision stands in the line of the word; elsewhere it is a line of standard error. */
function asOnTerminal(command: string, lines: readonly string[]): readonly string[] {
  const [word, reason, ...details] = lines
  const isVerdict = /dockgate can /.test(command) && (word === 'allow' || word === 'deny') && reason !== undefined
  return isVerdict ? [`${word}  ${reason}`, ...details] : lines
}
