/**
 * Azure's metadata API, `/acr/v1/`, answered by the gate: for a registry that has none (`METADATA_API=gate`), and about what
 * only the gate knows, quarantines and protections. Policy has allowed the call before.
 *
 * Source: Azure/acr-cli `docs/swagger.yaml` (2019-07-15-preview). `_protections` is Dockgate's own.
 */
import { formatNextLink } from '../../registry/link.ts'
import { parseDigest, type Tag } from '../../registry/name.ts'
import { formatQuery } from '../../registry/query.ts'
import type { MetadataRequest, Reference } from '../../registry/request.ts'
import type { Refusal } from '../answers/refusal.ts'
import { pass } from '../forward/forward.ts'
import { hiddenNames } from '../protections/locks.ts'
import { readManifest } from '../protections/manifest.ts'
import type { GuardPorts } from '../protections/protected-repository.ts'
import { heldBackBy } from '../protections/quarantine.ts'
import { LOCK, REPOSITORY } from '../protections/state/calls.ts'
import { nameAtUpstream } from '../protections/state-client.ts'
import { changeable, describeManifest, metadataAnswer, type ShownQuarantine, timesOf } from './attributes.ts'
import { allTags, digestsOf, type Item, manifestTexts, observe, type PageQuestion, pageOf } from './inventory.ts'
import { seedTags, showProtections } from './protections.ts'
import { type MetadataRepository, metadataRepository } from './repository.ts'

/** Entries of a page if the client does not say, and the most: each one takes a call of the registry. */
const PAGE = 100
/** Quarantine records that one list may look at. */
const RECORDS_MAX = 1000

/** What a metadata call is about: `tags`, `manifests` or `protections` of a repository, or one of them. */
export type MetadataTarget = {
  readonly kind: 'repository' | 'tags' | 'manifests' | 'protections'
  readonly reference?: string
  readonly query: URLSearchParams
}

const PLACE = /^(?:\/_(tags|manifests|protections)(?:\/([^/]+))?)?$/

/** Reads the path of a call; undefined for one that the gate keeps nothing of. */
export function metadataTarget({ name, path }: MetadataRequest): MetadataTarget | undefined {
  const [target = '', query] = path.split('?', 2)
  const start = `/acr/v1/${name}`
  const [match, kind, reference] = target.startsWith(start) ? (PLACE.exec(target.slice(start.length)) ?? []) : []
  if (match === undefined) return undefined
  return {
    kind: (kind ?? 'repository') as MetadataTarget['kind'],
    ...(reference === undefined ? {} : { reference }),
    query: new URLSearchParams(query),
  }
}

/** Answers a call in place of the registry; undefined: the registry answers it. A change of attributes is in `./change.ts`. */
export function answerMetadata(
  request: MetadataRequest,
  ports: GuardPorts,
): Promise<Response | Refusal> | Refusal | undefined {
  const { name, method } = request
  const { keepsAttributes } = ports.context().settings
  const target = name === undefined ? undefined : metadataTarget(request)
  if (name === undefined || target === undefined) return keepsAttributes ? { code: 'metadata_unsupported' } : undefined
  const { kind } = target
  const repository = metadataRepository(name, ports)
  const isQuarantined = kind === 'manifests' && method === 'GET' && repository.quarantine !== undefined
  if (!keepsAttributes && !isQuarantined && kind !== 'protections') return undefined
  switch (`${method} ${kind}${target.reference === undefined ? '' : '/'}`) {
    case 'GET repository':
      return showRepository(repository)
    case 'DELETE repository':
      return deleteRepository(repository)
    case 'GET tags':
      return listTags(target, repository)
    case 'GET tags/':
      return request.tag === undefined ? { code: 'manifest_missing' } : showTag(request.tag, repository)
    case 'DELETE tags/':
      return request.tag === undefined ? { code: 'manifest_missing' } : deleteTag(request.tag, repository)
    case 'GET manifests':
      return listManifests(target, repository)
    case 'GET manifests/':
      return showTaggedManifest(target.reference ?? '', repository)
    case 'GET protections':
      return showProtections(target.query, repository)
    case 'POST protections':
      return seedTags(repository)
    default:
      return { code: 'metadata_unsupported' }
  }
}

/** The attributes of a repository. `listEnabled` is kept by the object of the registry, so that lists need one call. */
export async function showRepository(repository: MetadataRepository): Promise<Response | Refusal> {
  const { head, name, ports, forwarding } = repository
  const tags = await allTags(repository)
  if (tags?.length === 0) return { code: 'repository_missing' }
  // Of more tags than one answer may look at, the counts are not known.
  const items = tags === undefined ? [] : await digestsOf(tags, repository)
  const times = Array.from((await observe(items, repository)).values())
  const created = times.map(({ createdMs }) => createdMs)
  const updated = times.map(({ updatedMs }) => updatedMs)
  const { forbidden } = await repository.state().locksOf([REPOSITORY])
  const hidden = await hiddenNames(undefined, forwarding.upstream, ports.env)
  const isHidden = hidden.has(nameAtUpstream(forwarding.upstream, name))
  return metadataAnswer({
    ...head,
    ...(times.length === 0 ? {} : timesOf({ createdMs: Math.min(...created), updatedMs: Math.max(...updated) })),
    ...(tags === undefined
      ? {}
      : { manifestCount: new Set(items.map(({ digest }) => digest)).size, tagCount: tags.length }),
    changeableAttributes: changeable((forbidden.get(REPOSITORY) ?? 0) | (isHidden ? LOCK.list : 0)),
  })
}

function questionOf(query: URLSearchParams): PageQuestion {
  const n = query.get('n')
  return {
    n: n === null ? PAGE : Math.min(Number(n), PAGE),
    last: query.get('last') ?? undefined,
    orderBy: query.get('orderby') ?? undefined,
  }
}

/** The `Link` to the page after an item, with the order and the filter of this one. */
function linkAfter(item: Item | undefined, { kind, query }: MetadataTarget, { name }: MetadataRepository): string {
  const others = ['n', 'orderby', 'digest'].map((key) => [key, query.get(key) ?? undefined] as const)
  return formatNextLink(`/acr/v1/${name}/_${kind}${formatQuery([['last', item?.target], ...others])}`)
}

async function listTags(target: MetadataTarget, repository: MetadataRepository): Promise<Response | Refusal> {
  const tags = await allTags(repository)
  if (tags === undefined) return { code: 'repository_too_large' }
  if (tags.length === 0) return { code: 'repository_missing' }
  const digest = target.query.get('digest')
  const items = await digestsOf(tags, repository)
  const wanted = items.filter((item) => digest === null || item.digest === digest)
  const page = await pageOf(wanted, questionOf(target.query), repository)
  const link = page.hasMore ? linkAfter(page.items.at(-1), target, repository) : undefined
  const shown = page.items.map((item) => tagAttributes(item, page))
  return metadataAnswer({ ...repository.head, tags: shown.length === 0 ? null : shown }, link)
}

const tagAttributes = ({ target, digest }: Item, { locks, times }: Pick<Page, 'locks' | 'times'>) => ({
  name: target,
  digest,
  ...timesOf(times.get(target)),
  signed: false,
  changeableAttributes: changeable(locks.get(target)),
})

type Page = Awaited<ReturnType<typeof pageOf>>

/** The attributes of a tag. */
export async function showTag(tag: Tag, repository: MetadataRepository): Promise<Response | Refusal> {
  const items = await digestsOf([tag], repository)
  const [item] = items
  if (item === undefined) return { code: 'manifest_missing' }
  const times = await observe(items, repository)
  const { forbidden: locks } = await repository.state().locksOf([tag])
  return metadataAnswer({ ...repository.head, tag: tagAttributes(item, { locks, times }) })
}

/** Manifests that tags name, and those that a quarantine has recorded. */
async function listManifests(target: MetadataTarget, repository: MetadataRepository): Promise<Response | Refusal> {
  const tags = await allTags(repository)
  if (tags === undefined) return { code: 'repository_too_large' }
  const { quarantine, head } = repository
  const tagged = await digestsOf(tags, repository)
  const recorded = quarantine === undefined ? [] : await repository.state().recordedManifests(RECORDS_MAX)
  const digests = new Set([...tagged, ...recorded].map(({ digest }) => digest))
  if (digests.size === 0) return { code: 'repository_missing' }
  const all = Array.from(digests, (digest) => ({ target: digest, digest }))
  const page = await pageOf(all, questionOf(target.query), repository)
  const shown = await manifestAttributes(page, tagged, repository)
  const link = page.hasMore ? linkAfter(page.items.at(-1), target, repository) : undefined
  return metadataAnswer({ ...head, manifests: shown.length === 0 ? null : shown }, link)
}

/** The attributes of a manifest, with the tags that name it unless there are more than one answer may look at. */
async function showTaggedManifest(text: string, repository: MetadataRepository): Promise<Response | Refusal> {
  return showManifest(text, repository, await digestsOf((await allTags(repository)) ?? [], repository))
}

/** The attributes of a manifest. @param tagged the tags of the repository; absent: none are shown */
export async function showManifest(
  text: string,
  repository: MetadataRepository,
  tagged: readonly Item[] = [],
): Promise<Response | Refusal> {
  const reference = digestReference(text)
  const manifest = reference === undefined ? undefined : await repository.facts.manifest(reference)
  if (manifest === undefined) return { code: 'manifest_missing' }
  const [digest] = manifest.digests
  const items = [{ target: digest, digest }]
  const times = await observe(items, repository)
  const { forbidden: locks } = await repository.state().locksOf([digest])
  const [shown] = await manifestAttributes({ items, locks, times }, tagged, repository)
  return shown === undefined
    ? { code: 'manifest_missing' }
    : metadataAnswer({ ...repository.head, manifest: { ...shown, digest: text } })
}

/** A digest in a path, whose colon may be written as `%3A`. */
export function digestReference(text: string): (Reference & { readonly kind: 'digest' }) | undefined {
  const digest = parseDigest(text.replace(/%3a/i, ':'))
  return digest.ok ? { kind: 'digest', digest: digest.value } : undefined
}

async function manifestAttributes(
  { items, locks, times }: Pick<Page, 'items' | 'locks' | 'times'>,
  tagged: readonly Item[],
  repository: MetadataRepository,
) {
  const texts = await manifestTexts(
    items.map(({ digest }) => digest),
    repository,
  )
  const shown = items.map(async ({ digest }) => {
    const text = texts.get(digest)
    if (text === undefined) return []
    const tags = tagged.filter((item) => item.digest === digest).map(({ target }) => target)
    const quarantine = await quarantineOfManifest(digest, text, repository)
    return [
      {
        digest,
        ...describeManifest(text),
        ...timesOf(times.get(digest)),
        ...(tags.length === 0 ? {} : { tags }),
        ...quarantine,
        changeableAttributes: changeable(locks.get(digest), quarantine),
      },
    ]
  })
  return (await Promise.all(shown)).flat()
}

/** The state of a manifest; undefined where nothing can hold it back. */
async function quarantineOfManifest(
  digest: string,
  text: string,
  { quarantine, nowMs, state }: MetadataRepository,
): Promise<ShownQuarantine | undefined> {
  if (quarantine === undefined || (await readManifest(text))?.hasSubject !== false) return undefined
  const record = (await state().quarantineRecord(digest)) ?? { exempt: false, state: 'pending' as const }
  const isReleased = heldBackBy(record, quarantine, nowMs) === 'released'
  const quarantineState = isReleased ? 'Passed' : record.state === 'failed' ? 'Failed' : 'Pending'
  return {
    quarantineState,
    ...('details' in record && record.details !== undefined ? { quarantineDetails: record.details } : {}),
  }
}

/** Deletes each manifest that a tag names, and what it lists: a registry has no call for a repository. */
async function deleteRepository(repository: MetadataRepository): Promise<Response | Refusal> {
  const tags = await allTags(repository)
  if (tags === undefined) return { code: 'repository_too_large' }
  if (tags.length === 0) return { code: 'repository_missing' }
  const tagged = await digestsOf(tags, repository)
  const named = new Set(tagged.map(({ digest }) => digest))
  const listed = Object.values(await repository.facts.childrenOf([...named])).flat()
  // An index before what it lists: some registries keep a manifest that an index needs.
  const digests = new Set([...named, ...listed])
  for (const digest of digests) {
    const reference = digestReference(digest)
    if (reference === undefined) continue
    const answer = await deleteAtRegistry(reference, repository)
    if (!answer.ok && answer.status !== 404) return answer
  }
  return metadataAnswer({ manifestsDeleted: [...digests], tagsDeleted: tags }, undefined, 202)
}

async function deleteTag(tag: Tag, repository: MetadataRepository): Promise<Response> {
  return deleteAtRegistry({ kind: 'tag', tag }, repository)
}

function deleteAtRegistry(reference: Reference, { name, forwarding }: MetadataRepository): Promise<Response> {
  return pass({ operation: 'deleteManifest', method: 'DELETE', name, reference }, forwarding)
}
