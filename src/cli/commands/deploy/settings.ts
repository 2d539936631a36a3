/**
 * The settings of a deployment project: what `dockgate deploy` reads of its `wrangler.toml`, and the two values that it
 * writes there. All other text stays as it is.
 */

import { NO_NAMESPACE, NO_PUBLIC_KEYS } from '../../project/project.ts'
import { CommandError } from '../../terminal/command-error.ts'

/** What a deployment reads of the wrangler configuration. */
export type Settings = {
  /** Of the Worker. */
  readonly name: string
  /** Origin of the gate, where it is given. */
  readonly publicUrl?: string
  /** Absent: `dockgate deploy` has not written it yet. */
  readonly namespaceId?: string
  /** JWKS as text; absent: `dockgate deploy` has not written it yet. */
  readonly publicKeys?: string
}

/** Before the first section: sections have names of their own. */
const NAME = /^(?:(?!\[).*\n)*?name\s*=\s*"([^"\n]+)"/
const PUBLIC_URL = /^PUBLIC_URL\s*=\s*"([^"\n]+)"/m
const PUBLIC_KEYS = /^POLICY_PUBLIC_KEYS\s*=\s*'([^'\n]*)'/m
/** The section of the namespace that is bound as POLICY, up to its id. */
const NAMESPACE =
  /^(\[\[kv_namespaces\]\]\s*\n(?:(?!\[).*\n)*?binding\s*=\s*"POLICY"\s*\n(?:(?!\[).*\n)*?id\s*=\s*")([^"\n]*)(?=")/m

/** @throws {@link CommandError} 1 when a line that this command must read or write is not there */
export function readSettings(text: string, file: string): Settings {
  const need = (pattern: RegExp, group: number, line: string): string => {
    const found = pattern.exec(text)?.[group]
    if (found !== undefined) return found
    throw new CommandError(1, `${file} has no line ${line}`, {
      hint: 'write it as `dockgate init` does, or set the gate up by hand: docs/deployment.md has every step',
    })
  }
  const publicUrl = PUBLIC_URL.exec(text)?.[1]
  const namespaceId = need(NAMESPACE, 2, 'id = "…" below binding = "POLICY" in [[kv_namespaces]]')
  const publicKeys = need(PUBLIC_KEYS, 1, "POLICY_PUBLIC_KEYS = '…'")
  return {
    name: need(NAME, 1, 'name = "…"'),
    ...(publicUrl === undefined ? {} : { publicUrl }),
    ...(namespaceId === NO_NAMESPACE ? {} : { namespaceId }),
    ...(publicKeys === NO_PUBLIC_KEYS ? {} : { publicKeys }),
  }
}

/** The same text with the id of the namespace. */
export const withNamespaceId = (text: string, id: string): string =>
  text.replace(NAMESPACE, (_, head) => `${head}${id}`)

/** The same text with these public keys. */
export const withPublicKeys = (text: string, keys: string): string =>
  text.replace(PUBLIC_KEYS, () => `POLICY_PUBLIC_KEYS = '${keys}'`)
