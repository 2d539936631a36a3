/**
 * A compiled policy from where it lies: a policy folder, or a bundle that `dockgate build -o` wrote. The shards of a bundle
 * are checked against its manifest; its signature is not, since anyone who compares files may have no key.
 */
import { stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { base64url } from 'jose'
import { shardKey } from '../../bundle/digest.ts'
import { digestsOf, type Manifest, parseManifest } from '../../bundle/manifest.ts'
import { readPrincipalData } from '../../bundle/policy-shape.ts'
import { object } from '../../bundle/shape.ts'
import { openShard } from '../../bundle/shard.ts'
import { readWithin } from '../../files/regular-file.ts'
import type { CompiledPolicy, PrincipalData } from '../../policy/decide/compiled.ts'
import { type PrincipalKey, parsePrincipal, principalKey } from '../../policy/principal.ts'
import { type Reading, readPolicies } from '../answers/policies.ts'
import { CommandError } from '../terminal/command-error.ts'

const POINTER = 'pointer.jws'

/** A policy, and the bundle that held it. */
export type Source = { readonly policy: CompiledPolicy; readonly bundle?: Manifest }

/**
 * @param path policy folder, folder of a bundle, or its `pointer.jws`
 * @throws {@link CommandError} 2 when what lies there is not valid, or nothing does
 */
export async function readSource(path: string, reading: Reading = { invalid: 2 }): Promise<Source> {
  const found = await stat(path).catch(() => undefined)
  if (found === undefined) {
    throw new CommandError(2, `${path} does not exist`, {
      hint: 'name a policy folder, or what dockgate build -o wrote',
    })
  }
  if (found.isFile()) return readBundle(path)
  const pointer = join(path, POINTER)
  const isBundle = (await stat(pointer).catch(() => undefined))?.isFile() === true
  return isBundle ? readBundle(pointer) : { policy: (await readPolicies(path, reading)).compiled }
}

async function readBundle(pointer: string): Promise<Source> {
  const folder = dirname(pointer)
  const [, payload = ''] = decode(await readFileOf(pointer, folder, basename(pointer)))
    .trim()
    .split('.')
  const manifest = parseManifest(base64url.decode(payload))
  if (!manifest.ok) throw damaged(pointer, manifest.error.message)
  const principals = new Map<PrincipalKey, PrincipalData>()
  for (const digest of digestsOf(manifest.value)) {
    const path = join('shards', `${shardKey(digest).replace(':', '-')}.json`)
    const file = join(folder, path)
    const bytes = await readFileOf(pointer, folder, path)
    const shard = await openShard(digest, new Uint8Array(bytes).buffer)
    if (!shard.ok) throw damaged(pointer, shard.error.message)
    for (const [key, data] of Object.entries(object(JSON.parse(decode(bytes)), file))) {
      const principal = parsePrincipal(key)
      if (!principal.ok) throw damaged(pointer, `${file} names "${key}", which is not a principal`)
      principals.set(principalKey(principal.value), readPrincipalData(data, key))
    }
  }
  return { policy: { common: manifest.value.common, principals }, bundle: manifest.value }
}

/** A file of a bundle is at most as large as a value of Workers KV. */
const MAX_BYTES = 25 * 1024 * 1024

/** Others may have written the bundle, so its files must lie in its own folder. */
async function readFileOf(pointer: string, folder: string, path: string): Promise<Uint8Array> {
  const bytes = await readWithin(folder, path, MAX_BYTES).catch(() => undefined)
  if (bytes === undefined) throw damaged(pointer, `${join(folder, path)} is missing`)
  if (typeof bytes !== 'string') return bytes
  throw damaged(pointer, `${join(folder, path)} is not a regular file of the bundle, or too large`)
}

const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

const damaged = (pointer: string, why: string): CommandError =>
  new CommandError(2, `the bundle ${pointer} cannot be read: ${why}`, { hint: 'write it again with dockgate build -o' })
