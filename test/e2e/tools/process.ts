/** Runs a program to its end and says what came of it. Never throws for what the program did. */

import { spawn } from 'node:child_process'

/** The exit status `timeout(1)` gives for a program that ran out of time. */
const TIMED_OUT = 124

/** The exit status a shell gives for a program that could not be started. */
const NOT_STARTED = 127

/** What a program did: its exit status (128 when a signal ended it) and all it wrote. */
export interface Outcome {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/** Options of {@link runProgram}. `environment` is the whole environment, nothing is inherited. */
export interface RunOptions {
  readonly environment: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly input?: string | Uint8Array
  /** Default 120,000. */
  readonly timeoutMs?: number
}

/** Run `program` and wait. One that runs out of time is killed and has status 124, as with `timeout(1)`. */
export function runProgram(program: string, args: readonly string[], options: RunOptions): Promise<Outcome> {
  const { environment, cwd, input = '', timeoutMs = 120_000 } = options
  return new Promise((resolve) => {
    const child = spawn(program, args, { env: environment, stdio: 'pipe', ...(cwd === undefined ? {} : { cwd }) })
    let timedOut = false
    const timer = setTimeout(() => {
      timedOut = true
      child.kill('SIGKILL')
    }, timeoutMs)
    const output = { stdout: '', stderr: '' }
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        output[name] += text
      })
    }
    child.on('error', (error) => {
      clearTimeout(timer)
      resolve({ ...output, status: NOT_STARTED, stderr: `${output.stderr}${error.message}\n` })
    })
    child.on('close', (code) => {
      clearTimeout(timer)
      const note = timedOut ? `killed after ${timeoutMs} ms\n` : ''
      resolve({ ...output, status: timedOut ? TIMED_OUT : (code ?? 128), stderr: output.stderr + note })
    })
    // A program that does not read its input may be gone before it is written.
    child.stdin.on('error', () => undefined)
    child.stdin.end(input)
  })
}
