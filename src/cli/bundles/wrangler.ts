/** Runs wrangler, the version that is installed next to this package. Secrets go through its standard input. */
import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { CommandError } from '../terminal/command-error.ts'
import { wranglerProgram } from '../terminal/peers.ts'

/** How a run of wrangler ended, and what it printed. */
export type WranglerOutcome = { readonly status: number; readonly stdout: string; readonly stderr: string }

/** Options of a run of wrangler. */
export type WranglerOptions = {
  /** The folder that it runs in; default: the current one. */
  readonly directory?: string
  /** Given to its standard input, which is empty otherwise. */
  readonly input?: string
}

/** Nothing is sent or asked but what the command is about. */
const QUIET = {
  WRANGLER_SEND_METRICS: 'false',
  WRANGLER_SEND_ERROR_REPORTS: 'false',
  WRANGLER_HIDE_BANNER: 'true',
  WRANGLER_NO_SKILLS_UPDATE_PROMPTS: 'true',
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
}

/**
 * Runs it to its end, without a terminal: it asks nothing.
 *
 * @throws {@link CommandError} 3 when it is not installed or cannot be started; that it failed is part of the outcome
 */
export async function runWrangler(args: readonly string[], options: WranglerOptions = {}): Promise<WranglerOutcome> {
  const { DOCKGATE_SIGNING_KEY: _, ...environment } = process.env
  const child = spawn(process.execPath, [wranglerProgram(), ...args], {
    cwd: options.directory ?? process.cwd(),
    env: { ...environment, ...QUIET },
    stdio: 'pipe',
  })
  // It may end without reading all of its input.
  child.stdin.on('error', () => {}).end(options.input ?? '')
  const texts = Promise.all([text(child.stdout), text(child.stderr)])
  const status = await new Promise<number>((done, failed) => {
    child.once('error', failed)
    child.once('close', (code) => done(code ?? 1))
  }).catch((cause: unknown) => {
    throw new CommandError(3, 'wrangler could not be started', { hint: 'run `npm ci` again', cause })
  })
  const [stdout, stderr] = await texts
  return { status, stdout, stderr }
}
