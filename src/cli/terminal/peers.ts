/**
 * The packages that the user installs next to this one: wrangler, and what it brings. Only commands that need them load
 * them. They are looked for where this package is installed, never in the folder that the command runs in.
 */
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { CommandError } from './command-error.ts'

const HINT =
  'run `npm install --save-dev wrangler` in the folder whose node_modules holds dockgate: it brings miniflare and workerd'

/** @throws {@link CommandError} 3 when it is not installed */
export const loadMiniflare = (): Promise<typeof import('miniflare')> =>
  import('miniflare').catch((cause: unknown) => {
    throw missingPeer('miniflare', cause)
  })

/**
 * The program of wrangler, for Node.js to run.
 *
 * @throws {@link CommandError} 3 when it is not installed
 */
export function wranglerProgram(): string {
  try {
    return join(dirname(createRequire(import.meta.url).resolve('wrangler/package.json')), 'bin', 'wrangler.js')
  } catch (cause) {
    throw missingPeer('wrangler', cause)
  }
}

/**
 * The program of workerd.
 *
 * @throws {@link CommandError} 3 when it is not installed
 */
export function workerdProgram(): string {
  try {
    const loaded: { readonly default: string } = createRequire(import.meta.url)('workerd')
    return loaded.default
  } catch (cause) {
    throw missingPeer('workerd', cause)
  }
}

/** Why a command cannot go on without such a package. */
export const missingPeer = (name: string, cause?: unknown): CommandError =>
  new CommandError(3, `this command needs the package ${name}, which cannot be loaded`, { hint: HINT, cause })
