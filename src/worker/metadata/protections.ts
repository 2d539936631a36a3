/**
 * What protections know of a repository, and how they learn of its tags: `/acr/v1/NAME/_protections`, a call of Dockgate's own
 * for `dockgate protections`.
 */

import { isRecord } from '../../base/json.ts'
import { keptTags, protectionsOn } from '../../policy/decide/protections.ts'
import { formatNextLink } from '../../registry/link.ts'
import { formatQuery } from '../../registry/query.ts'
import type { Refusal } from '../answers/refusal.ts'
import { MANIFEST_MAX_BYTES } from '../forward/manifest-type.ts'
import { readText } from '../platform/read-text.ts'
import { adoptTags } from '../protections/write-once.ts'
import { metadataAnswer } from './attributes.ts'
import { allTags, tagsIn } from './inventory.ts'
import type { MetadataRepository } from './repository.ts'

const TAGS_PAGE = 1000

/** The protections of a repository, and the tags that the gate knows of. */
export async function showProtections(query: URLSearchParams, repository: MetadataRepository): Promise<Response> {
  const { head, name, ports } = repository
  const protections = protectionsOn(ports.common, name)
  const n = Math.min(Number(query.get('n') ?? TAGS_PAGE), TAGS_PAGE)
  const known = protections.length === 0 ? [] : await repository.state().knownTags(query.get('last') ?? '', n + 1)
  const kept = keptTags(protections, NOBODY)
  const tags = known.slice(0, n).map((tag) => {
    const protection = kept?.keeper(tag.name)?.name
    return { ...tag, ...(protection === undefined ? {} : { protection }) }
  })
  const next = formatQuery([
    ['n', query.get('n') ?? undefined],
    ['last', tags.at(-1)?.name],
  ])
  const link = known.length > n ? formatNextLink(`/acr/v1/${name}/_protections${next}`) : undefined
  return metadataAnswer({ ...head, protections: protections.map(shown), tags }, link)
}

/** A caller that no protection exempts. */
const NOBODY = { authenticated: false, acts: [], may: [] }

/** Without the principals that it exempts: who may read attributes need not know them. */
const shown = ({ on: _, except: _principals, audit, ...protection }: ReturnType<typeof protectionsOn>[number]) => ({
  ...protection,
  mode: audit === true ? 'audit' : 'enforce',
})

/**
 * Makes the covered tags known that the registry has, so that each keeps its digest from now on. With a body
 * `{"tags":{TAG:DIGEST}}` those alone, and each only if the registry has it with this digest.
 */
export async function seedTags(repository: MetadataRepository): Promise<Response | Refusal> {
  const { head, name, ports, forwarding, facts } = repository
  const body = await readSeed(forwarding.body.stream)
  if (body === undefined) return { code: 'attributes_invalid' }
  const kept = keptTags(protectionsOn(ports.common, name), NOBODY)
  const all = body === 'all' ? await allTags(repository) : tagsIn([...body.keys()])
  if (all === undefined) return { code: 'repository_too_large' }
  const covered = all.filter((tag) => kept?.isCovered(tag) === true)
  const expected = body === 'all' ? new Map<string, string>() : body
  const found = expected.size === 0 ? new Map() : new Map(Object.entries(await facts.digestsOf(covered)))
  const conflicts = covered.flatMap((tag) => {
    const digest = expected.get(tag)
    const has = found.get(tag) ?? null
    return digest === undefined || digest === has ? [] : [{ name: tag, expected: digest, found: has }]
  })
  const wrong = new Set<string>(conflicts.map((conflict) => conflict.name))
  const wanted = covered.filter((tag) => !wrong.has(tag))
  const adopted = Object.entries(await adoptTags(wanted, repository.state(), facts)).flatMap(([tag, digest]) =>
    typeof digest === 'string' ? [{ name: tag, digest }] : [],
  )
  return metadataAnswer({ ...head, covered: covered.length, adopted, conflicts })
}

/** The tags that a body names; `all` for an empty body or one without tags; undefined for one that cannot be read. */
async function readSeed(
  stream: ReadableStream<Uint8Array> | null,
): Promise<ReadonlyMap<string, string> | 'all' | undefined> {
  const text = await readText(stream, MANIFEST_MAX_BYTES)
  if (text === '') return 'all'
  try {
    const value: unknown = JSON.parse(text ?? '')
    if (!isRecord(value)) return undefined
    if (value.tags === undefined) return 'all'
    if (!isRecord(value.tags)) return undefined
    const pairs = Object.entries(value.tags)
    return pairs.every((pair): pair is [string, string] => typeof pair[1] === 'string') ? new Map(pairs) : undefined
  } catch {
    return undefined
  }
}
