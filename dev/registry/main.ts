/** `node dev/registry/main.ts --directory D [--port N] [--host H]`: the development registry on its own. */
import { parseArgs } from 'node:util'
import { startRegistry } from './server.ts'

const USAGE = `Runs the development registry: an OCI registry on one folder, for trying things out.

    node dev/registry/main.ts --directory DIR [--port N] [--host HOST]

  --directory DIR   holds everything that is pushed; created when missing
  --port N          default: any free port
  --host HOST       default: 127.0.0.1. It asks nobody who they are: think before you open it to others

It prints \`ready URL\` when it serves. DEVELOPMENT_REGISTRY_AUTHORIZATION in its environment is the one
\`Authorization\` header value that it accepts.
`

function wrongUse(message: string): never {
  process.stderr.write(`development registry: error: ${message}\n\n${USAGE}`)
  process.exit(2)
}

const { directory, port, host } = readArguments()
const authorization = process.env.DEVELOPMENT_REGISTRY_AUTHORIZATION
const registry = await startRegistry({
  directory,
  port,
  host,
  onFault: (error) => console.error('development registry: fault:', error),
  ...(authorization && { authorization }),
})
process.stdout.write(`ready ${registry.url}\n`)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void registry.close())

function readArguments(): { directory: string; port: number; host: string } {
  const { values } = parse()
  if (values.help) {
    process.stdout.write(USAGE)
    process.exit(0)
  }
  if (values.directory === undefined) wrongUse('--directory is missing')
  if (!/^\d{1,5}$/.test(values.port) || Number(values.port) > 65_535) wrongUse('--port must be a number up to 65535')
  return {
    directory: values.directory,
    port: Number(values.port),
    host: values.host,
  }
}

function parse() {
  try {
    return parseArgs({
      options: {
        directory: { type: 'string' },
        port: { type: 'string', default: '0' },
        host: { type: 'string', default: '127.0.0.1' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
  } catch (error) {
    return wrongUse(error instanceof Error ? error.message : String(error))
  }
}
