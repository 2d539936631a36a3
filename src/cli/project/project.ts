/** The files of a deployment project that are not policies, as texts. Never touches the disk. */

import { isRecord } from '../../base/json.ts'
import { VERSION } from '../terminal/version.ts'
import { COMPATIBILITY_DATE, COMPATIBILITY_FLAGS, WORKER_NAME } from './worker-settings.ts'

/** Where wrangler finds the Worker of the package. It uploads the file as it is: these are the bytes that were tested. */
const WORKER_MODULE = 'node_modules/dockgate/dist/worker.js'
/** Stands in `wrangler.toml` until `dockgate deploy` has made the namespace. */
export const NO_NAMESPACE = 'dockgate-deploy-writes-this'
/** Stands in `wrangler.toml` until `dockgate deploy` has made the keys. With no key the gate answers 503. */
export const NO_PUBLIC_KEYS = '{"keys":[]}'

/** What the project depends on; a package.json that is there keeps its own versions. */
const DEPENDENCIES = { dockgate: `^${VERSION}`, wrangler: '^4.156.2' } as const
const SCRIPTS = { check: 'dockgate check', dev: 'dockgate dev', deploy: 'dockgate deploy' } as const
/** npm asks about packages that run code when they are installed: these two work without. */
const ALLOW_SCRIPTS = { esbuild: false, workerd: false } as const

/** The content of a `package.json`. */
export type Manifest = { readonly [key: string]: unknown }

/** The `package.json` of a new project. */
export const newManifest = (): Manifest => completed({ name: 'registry-gate', version: '0.0.0', private: true })

/**
 * A package.json with what the project needs and it lacks. Nothing that it says is changed.
 *
 * @returns the same object when it lacks nothing
 */
export function completed(manifest: Manifest): Manifest {
  const present = { ...recordOf(manifest.dependencies), ...recordOf(manifest.devDependencies) }
  const missing = Object.entries(DEPENDENCIES).filter(([name]) => !Object.hasOwn(present, name))
  const scripts = recordOf(manifest.scripts)
  const newScripts = Object.entries(SCRIPTS).filter(([name]) => !Object.hasOwn(scripts, name))
  if (missing.length === 0 && newScripts.length === 0) return manifest
  return {
    ...manifest,
    scripts: { ...scripts, ...Object.fromEntries(newScripts) },
    devDependencies: { ...recordOf(manifest.devDependencies), ...Object.fromEntries(missing) },
    allowScripts: { ...ALLOW_SCRIPTS, ...recordOf(manifest.allowScripts) },
  }
}

const recordOf = (value: unknown): Manifest => (isRecord(value) ? value : {})

/** The registry behind a gate, and the host name of the gate. */
export type Address = { readonly upstream: string; readonly host: string }

/** The settings of the Worker. */
export const wranglerToml = ({
  upstream,
  host,
  service = host,
}: Address & { readonly service?: string }): string => `name = "${WORKER_NAME}"
main = "${WORKER_MODULE}"
# The module is uploaded as the package holds it, and nothing with it.
no_bundle = true
find_additional_modules = false
compatibility_date = "${COMPATIBILITY_DATE}"
compatibility_flags = ${JSON.stringify(COMPATIBILITY_FLAGS).replaceAll(',', ', ')}
# Clients reach the gate only at its own host name.
workers_dev = false
preview_urls = false
send_metrics = false

[vars]
UPSTREAM = ${JSON.stringify(upstream)}
PUBLIC_URL = "https://${host}"
# Bundles that are signed for another service do not count here.
POLICY_SERVICE = "${service}"
# \`dockgate deploy\` writes the public keys that bundles are verified with.
POLICY_PUBLIC_KEYS = '${NO_PUBLIC_KEYS}'

[[routes]]
pattern = "${host.replace(/:\d+$/, '')}"
custom_domain = true

# \`dockgate deploy\` makes the namespace and writes its id.
[[kv_namespaces]]
binding = "POLICY"
id = "${NO_NAMESPACE}"

# What protections remember: one object for each repository of a registry that a protection covers.
[[durable_objects.bindings]]
name = "STATE"
class_name = "RepositoryState"

[[migrations]]
tag = "v1"
new_sqlite_classes = ["RepositoryState"]

# Failed logins of one address with one name.
[[ratelimits]]
name = "LOGIN_LIMIT"
namespace_id = "1001"
simple = { limit = 10, period = 60 }

# The gate writes a record of each request itself. Cloudflare's own log of invocations would also keep the URL, and with it
# upload sessions and the queries of the token service.
[observability]
enabled = true
redact_query_string = true

[observability.logs]
enabled = true
invocation_logs = false

[observability.traces]
enabled = false

# A decision takes well under a millisecond. The Free plan of Workers does not take this section: remove it there.
[limits]
cpu_ms = 1000
`

/** @param tokens names of the tokens in the policy, none of which has a password yet */
export const readme = ({ upstream, host }: Address, tokens: readonly string[]): string => `# The gate at ${host}

Decides who may pull, push, list or delete what in the registry at ${upstream}.

| what | where |
| --- | --- |
| who may do what | \`policies/\`, with its decision tests |
| settings of the Worker | \`wrangler.toml\` |
| the gate itself | the package \`dockgate\`; its documents are in \`node_modules/dockgate/docs\` |
| signing keys | \`keys/\`, made by \`dockgate deploy\`; never in git |

Try it on this machine:

    npm install
    npx dockgate check
    npx dockgate dev

Give each token a password, which is shown once:

${tokens.map((token) => `    npx dockgate token rotate ${token}`).join('\n')}

Deploy it. The plan is shown first, and the command may be run again at any time:

    npx wrangler login
    npx dockgate deploy --dry-run
    UPSTREAM_USERNAME=… UPSTREAM_PASSWORD=… npx dockgate deploy

Change the policies, look at the rights that change, put them into force:

    npx dockgate push --remote --key keys/policy-signing-key.json --dry-run
    npx dockgate push --remote --key keys/policy-signing-key.json --url https://${host}

Upgrade the gate:

    npm update dockgate && npx wrangler deploy
`
