/**
 * The configuration of workerd for a gate: text in the language of Cap'n Proto. It holds no secret: secrets are named as
 * variables of the environment, and the key of TLS as a file.
 *
 * Source: workerd, `src/workerd/server/workerd.capnp`.
 */
import { COMPATIBILITY_DATE, COMPATIBILITY_FLAGS } from '../../project/worker-settings.ts'

/** A gate for workerd. Paths are absolute. */
export type ServeSettings = {
  /** The Worker, as one ES module. */
  readonly worker: string
  /** `HOST:PORT`. */
  readonly listen: string
  readonly admin?: string
  readonly tls?: { readonly certificate: string; readonly key: string }
  /** Folder of a store that workerd reads as a KV namespace. */
  readonly policyDirectory?: string
  /** Folder for the state of protections. */
  readonly stateDirectory?: string
  /** Variables whose values are no secrets. */
  readonly texts: Readonly<Record<string, string>>
  /** Variables whose values workerd reads from its own environment. */
  readonly variables: readonly string[]
}

/** Cap'n Proto reads the escapes of C, of which those of JSON that JSON.stringify writes are a part. */
const quote = (text: string): string =>
  JSON.stringify(text).replace(/\\u([0-9a-f]{4})/g, (_, hex: string) =>
    Array.from(
      new TextEncoder().encode(String.fromCharCode(Number.parseInt(hex, 16))),
      (byte) => `\\x${byte.toString(16).padStart(2, '0')}`,
    ).join(''),
  )

/** Cloud metadata services: no registry and no issuer is there, and they give credentials to whoever asks. */
const DENIED_NETWORKS = ['169.254.0.0/16', 'fd00:ec2::254/128']

/** The configuration as text. */
export function workerdConfiguration(settings: ServeSettings): string {
  const { worker, listen, admin, tls, policyDirectory, stateDirectory, texts, variables } = settings
  const bindings = [
    ...Object.entries(texts).map(([name, text]) => `(name = ${quote(name)}, text = ${quote(text)})`),
    ...variables.map((name) => `(name = ${quote(name)}, fromEnvironment = ${quote(name)})`),
    ...(policyDirectory === undefined ? [] : ['(name = "POLICY", kvNamespace = "policy")']),
    ...(stateDirectory === undefined ? [] : ['(name = "STATE", durableObjectNamespace = "RepositoryState")']),
  ]
  const state =
    stateDirectory === undefined
      ? ''
      : `durableObjectNamespaces = [(className = "RepositoryState", uniqueKey = "RepositoryState", enableSql = true)],
      durableObjectStorage = (localDisk = "state"),
      `
  const socket =
    tls === undefined
      ? 'http = ()'
      : `https = (options = (), tlsOptions = (keypair = (privateKey = embed ${quote(tls.key)}, certificateChain = embed ${quote(tls.certificate)})))`
  return `# Made by \`dockgate serve --print-config\`.
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "gate", worker = (
      modules = [(name = "worker.js", esModule = ${quote(worker)})],
      compatibilityDate = ${quote(COMPATIBILITY_DATE)},
      compatibilityFlags = [${COMPATIBILITY_FLAGS.map(quote).join(', ')}],
      bindings = [
        ${bindings.join(',\n        ')}
      ],
      ${state}globalOutbound = "internet"
    )),
${policyDirectory === undefined ? '' : `    (name = "policy", disk = (path = ${quote(policyDirectory)})),\n`}${
  stateDirectory === undefined
    ? ''
    : `    (name = "state", disk = (path = ${quote(stateDirectory)}, writable = true)),\n`
}    (name = "internet", network = (
      allow = ["public", "private"],
      deny = [${DENIED_NETWORKS.map(quote).join(', ')}],
      tlsOptions = (trustBrowserCas = true)
    ))
  ],
  sockets = [
    (name = "gate", address = ${quote(listen)}, service = "gate", ${socket})${
      admin === undefined
        ? ''
        : `,\n    (name = "admin", address = ${quote(admin)}, service = (name = "gate", entrypoint = "Admin"), http = ())`
    }
  ]
);
`
}
