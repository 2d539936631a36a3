/** What a repository has, as its registry says: tags with their digests, and manifests. With locks and times of the state. */
import { parseDigest, parseTag, type Tag } from '../../registry/name.ts'
import type { ProtectedRepository } from '../protections/protected-repository.ts'
import { inBatches } from '../protections/registry-facts.ts'
import { LOCK, type SeenTimes } from '../protections/state/calls.ts'

/** Something of a repository: its name, and the digest of its manifest. */
export type Item = { readonly target: string; readonly digest: string }

/** A page of a list, as its query asks for it. */
export type PageQuestion = {
  readonly n: number
  /** The target before the first one of the page. */
  readonly last: string | undefined
  /** `timeasc` and `timedesc` order by the last update, anything else by name. */
  readonly orderBy: string | undefined
}

/** Items with their locks and times; `hasMore`: the list goes on. */
export type InventoryPage = {
  readonly items: readonly Item[]
  readonly locks: ReadonlyMap<string, number>
  readonly times: ReadonlyMap<string, SeenTimes>
  readonly hasMore: boolean
}

/** Every tag; undefined if there are more than 1,000. */
export const allTags = ({ facts }: ProtectedRepository): Promise<readonly Tag[] | undefined> => facts.tags(() => true)

/** Tags with their digests. Tags that the registry does not have any more are left out. */
export async function digestsOf(tags: readonly Tag[], { facts }: ProtectedRepository): Promise<readonly Item[]> {
  const found = new Map(Object.entries(await facts.digestsOf(tags)))
  return tags.flatMap((target) => {
    const digest = found.get(target)
    return typeof digest === 'string' ? [{ target, digest }] : []
  })
}

/** The page of items that are not hidden, in the order that was asked for. */
export async function pageOf(
  all: readonly Item[],
  { n, last, orderBy }: PageQuestion,
  repository: ProtectedRepository,
): Promise<InventoryPage> {
  const state = repository.state()
  const hidden = await state.lockedTargets(LOCK.list)
  const listed = all.filter(({ target }) => !hidden.has(target)).sort((a, b) => (a.target < b.target ? -1 : 1))
  const isByTime = orderBy === 'timeasc' || orderBy === 'timedesc'
  const allTimes = isByTime ? await observe(listed, repository) : undefined
  if (allTimes !== undefined) {
    const updated = ({ target }: Item): number => allTimes.get(target)?.updatedMs ?? 0
    listed.sort((a, b) => (orderBy === 'timeasc' ? updated(a) - updated(b) : updated(b) - updated(a)))
  }
  // By name a list goes on after a name that was deleted meanwhile. By time it starts again: such a name has no place.
  const start = isByTime
    ? listed.findIndex(({ target }) => target === last) + 1
    : listed.findIndex(({ target }) => last === undefined || target > last)
  const rest = start < 0 ? [] : listed.slice(start)
  const items = rest.slice(0, n)
  const targets = items.map(({ target }) => target)
  const { forbidden: locks } = await state.locksOf(targets)
  return { items, locks, times: allTimes ?? (await observe(items, repository)), hasMore: n > 0 && rest.length > n }
}

/** Records items, and says when the gate first saw them. */
export const observe = (
  items: readonly Item[],
  { state }: ProtectedRepository,
): Promise<ReadonlyMap<string, SeenTimes>> =>
  state().observe(new Map(items.map(({ target, digest }) => [target, digest])))

/** The texts of manifests. One that the registry does not have is left out. */
export async function manifestTexts(
  digests: readonly string[],
  { facts }: ProtectedRepository,
): Promise<ReadonlyMap<string, string>> {
  const texts = await inBatches(digests, async (each) => {
    const digest = parseDigest(each)
    const text = digest.ok ? await facts.text({ kind: 'digest', digest: digest.value }) : undefined
    return text === undefined ? [] : [[each, text] as const]
  })
  return new Map(texts.flat())
}

/** The tags among texts. */
export const tagsIn = (texts: readonly string[]): readonly Tag[] =>
  texts.flatMap((text) => {
    const tag = parseTag(text)
    return tag.ok ? [tag.value] : []
  })
