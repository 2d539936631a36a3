/**
 * One shard: the JSON text of some principals' data by key, sorted. Its principals are checked and opened one by one, when
 * they are asked for. Never reads a store.
 */

import { err, ok, type Result } from '../base/result.ts'
import type { PrincipalData } from '../policy/decide/compiled.ts'
import { type IndexedPrincipal, indexPrincipal } from '../policy/decide/effective-rights.ts'
import type { PrincipalKey } from '../policy/principal.ts'
import { digestOf, shardKey } from './digest.ts'
import { readPrincipalData } from './policy-shape.ts'
import type { BundleProblem } from './problem.ts'
import { object } from './shape.ts'

/** The text of a shard. `entries` are sorted by key. */
export function formatShard(entries: Iterable<readonly [PrincipalKey, PrincipalData]>): string {
  const members: string[] = []
  for (const [key, data] of entries) members.push(`${JSON.stringify(key)}:${JSON.stringify(data)}`)
  return `{${members.join(',')}}`
}

/** One shard of a bundle: principals and their data, read one by one when they are asked for. */
export class Shard {
  readonly bytes: number
  readonly #members: Readonly<Record<string, unknown>>
  readonly #opened = new Map<PrincipalKey, IndexedPrincipal>()

  constructor(members: Readonly<Record<string, unknown>>, bytes: number) {
    this.#members = members
    this.bytes = bytes
  }

  /**
   * What the shard says of a principal; nothing when it does not name it.
   *
   * @throws ShapeError when what it says cannot be read
   */
  principal(key: PrincipalKey): IndexedPrincipal | undefined {
    const opened = this.#opened.get(key)
    if (opened !== undefined || !Object.hasOwn(this.#members, key)) return opened
    const fresh = indexPrincipal(readPrincipalData(this.#members[key], key))
    this.#opened.set(key, fresh)
    return fresh
  }

  /** Everything as it lies there, unchecked. */
  entries(): readonly (readonly [string, unknown])[] {
    return Object.entries(this.#members)
  }
}

/** Check the bytes of a shard against the digest that a verified manifest gave, and parse them. */
export async function openShard(digest: string, bytes: ArrayBuffer): Promise<Result<Shard, BundleProblem>> {
  if ((await digestOf(bytes)) !== digest) {
    return err({
      code: 'shard_digest',
      message: `the value of ${shardKey(digest)} is not what its name says: it was changed or cut short; run dockgate push --all`,
    })
  }
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes))
    return ok(new Shard(object(value, ''), bytes.byteLength))
  } catch (error) {
    return err(malformed(digest, error))
  }
}

/** The problem of a shard that cannot be read. */
export const malformed = (digest: string, error: unknown): BundleProblem => ({
  code: 'shard_malformed',
  message: `${shardKey(digest)} cannot be read: ${error instanceof Error ? error.message : String(error)}; push again with the dockgate command of this gate's version`,
})
