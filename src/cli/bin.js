#!/usr/bin/env node
// Starts the command on a Node that runs TypeScript sources; an older one hands over to the Node of the project's own
// dependencies. Never does anything else.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const MINIMUM = [22, 18]
const here = dirname(fileURLToPath(import.meta.url))
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)

if (major > MINIMUM[0] || (major === MINIMUM[0] && minor >= MINIMUM[1])) {
  await import('./main.ts')
} else {
  const own = join(here, '..', '..', 'node_modules', 'node', 'bin', 'node')
  if (!existsSync(own)) {
    process.stderr.write(`dockgate: error: Node.js ${process.versions.node} is too old\n`)
    process.stderr.write(`dockgate: hint: install Node.js ${MINIMUM.join('.')} or later, or run \`npm ci\` here\n`)
    process.exit(2)
  }
  const child = spawnSync(own, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' })
  process.exit(child.status ?? 1)
}
