/**
 * Lists through the gate: thousands of repositories of which a caller sees few, thousands of tags, in pages of any size,
 * whole and in order; and whatever the registry's own pages are, no more than a bounded number of them for one request.
 */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { secretOf, token } from './tools/accounts.ts'
import { openSession, requireClients } from './tools/clients.ts'
import { crane, oras, skopeo } from './tools/drivers.ts'
import { type FakeUpstream, startFakeUpstream } from './tools/fakeupstream.ts'
import { type Gate, startGate } from './tools/gate.ts'
import { digestOf, mediaTypes } from './tools/images.ts'
import { type Registry, registryKinds } from './tools/registries.ts'
import { type Answer, ask, basic, type Question } from './tools/wire.ts'

const policiesWith = (registry: string) => ({
  'policies.yaml': `
registry: { service: registry.example.com, ${registry} }
scopeMaps:
  push: { actions: [repositories/*/content/read, repositories/*/content/write, repositories/*/metadata/read] }
  team: { actions: [repositories/team/*/content/read, repositories/other/020/metadata/read] }
  few: { actions: [repositories/zzz/last/content/read] }
  none: { actions: [repositories/nothing/there/content/read] }
tokens:
${token('all', 'push')}
${token('team', 'team')}
${token('few', 'few')}
${token('none', 'none')}
roleAssignments:
  - { principal: 'token:all', role: Container Registry Repository Catalog Lister }
`,
})

const openPolicies = policiesWith('anonymous: [repositories/public/*/content/read]')

const askerOf =
  (gate: Gate) =>
  (name: string | undefined, target: string, question: Question = {}): Promise<Answer> => {
    const authorization = name === undefined ? {} : { authorization: basic(name, secretOf(name)) }
    return ask(new URL(target, gate.url).href, { ...question, headers: { ...authorization, ...question.headers } })
  }

interface Page {
  readonly names: readonly string[]
  readonly link: string | undefined
}

const linkOf = ({ headers }: Answer): string | undefined => {
  const { link } = headers
  return link === undefined ? undefined : /^<(\/v2\/[^>]+)>; rel="next"$/.exec(link.toString())?.[1]
}

/** Follow the links from `target` to the list's end. Throws for what is not a list, and after too many pages. */
async function pagesOf(
  asks: ReturnType<typeof askerOf>,
  name: string | undefined,
  target: string,
): Promise<readonly Page[]> {
  const pages: Page[] = []
  for (let next: string | undefined = target; next !== undefined; ) {
    const answer = await asks(name, next)
    expect(answer.status).toBe(200)
    const body = answer.json() as { repositories?: readonly string[]; tags?: readonly string[] }
    next = linkOf(answer)
    pages.push({ names: body.repositories ?? body.tags ?? [], link: next })
    if (pages.length > 500) throw new Error('a list without end')
  }
  return pages
}

const namesOf = (pages: readonly Page[]): readonly string[] => pages.flatMap(({ names }) => names)

const number = (value: number): string => String(value).padStart(3, '0')
const SPACES = ['other', 'public', 'team'] as const

/** Push one tiny image to every repository, and tag it so many times in the first. */
async function fill(registry: Registry, repositories: readonly string[], tags: number): Promise<void> {
  const config = Buffer.from('{}')
  const descriptor = { mediaType: mediaTypes.config, digest: digestOf(config), size: config.length }
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: descriptor,
    layers: [],
  })
  const put = (repository: string, tag: string) =>
    ask(`${registry.url}/v2/${repository}/manifests/${tag}`, {
      method: 'PUT',
      headers: { 'content-type': mediaTypes.manifest },
      body: manifest,
    })
  const push = async (repository: string): Promise<void> => {
    const begun = await ask(`${registry.url}/v2/${repository}/blobs/uploads/`, { method: 'POST' })
    const url = new URL(String(begun.headers.location), registry.url)
    url.searchParams.set('digest', descriptor.digest)
    await ask(url.href, { method: 'PUT', body: config })
    if ((await put(repository, 'v1')).status !== 201) throw new Error(`${repository} was not pushed`)
  }
  await inTurns(repositories.map((repository) => () => push(repository)))
  const [first = ''] = repositories
  await inTurns(Array.from({ length: tags }, (_, tag) => () => put(first, `t${number(tag)}`)))
}

/** Eight at a time. */
async function inTurns(works: readonly (() => Promise<unknown>)[]): Promise<void> {
  const waiting = [...works]
  const worker = async () => {
    for (let work = waiting.shift(); work !== undefined; work = waiting.shift()) await work()
  }
  await Promise.all(Array.from({ length: 8 }, worker))
}

describe.runIf(requireClients(['docker-registry', 'crane', 'skopeo', 'oras'])).each(registryKinds)(
  'lists of $kind',
  ({ start }) => {
    const COUNT = 25
    const TAGS = 60
    const all = SPACES.flatMap((space) => Array.from({ length: COUNT }, (_, place) => `${space}/${number(place)}`))
    const ofPublic = all.filter((name) => name.startsWith('public/'))
    const ofTeam = all.filter((name) => /^(?:public\/|team\/|other\/020)/.test(name))

    let registry: Registry
    let gate: Gate
    let asks: ReturnType<typeof askerOf>
    beforeAll(async () => {
      registry = await start()
      await fill(registry, all, TAGS)
      gate = await startGate({ policies: openPolicies, upstream: registry.url })
      asks = askerOf(gate)
    })
    afterAll(async () => {
      await gate.stop()
      await registry.stop()
    })

    const callers = [
      { who: 'the account that may list all', name: 'all', sees: all },
      { who: 'an account of one team', name: 'team', sees: ofTeam },
      { who: 'an account of nothing', name: 'none', sees: ofPublic },
    ]
    const sizes = [1, 24, 25, 26, 1000]
    const walks = callers.flatMap((caller) => sizes.map((n) => ({ ...caller, n })))

    it.each(walks)('show $who its own, $n at a time', async ({ name, sees, n }) => {
      const pages = await pagesOf(asks, name, `/v2/_catalog?n=${n}`)
      expect(namesOf(pages)).toEqual(sees)
      // Full pages while more follow, and no page too many.
      expect(pages.map(({ names }) => names.length)).toEqual(
        Array.from({ length: Math.ceil(sees.length / n) }, (_, page) => Math.min(n, sees.length - page * n)),
      )
      for (const { link } of pages)
        if (link !== undefined) expect(link).toMatch(new RegExp(`^/v2/_catalog\\?n=${n}&last=`))
    })

    it('ask for an account before they say anything', async () => {
      await registry.forgetRequests()
      expect((await asks(undefined, '/v2/_catalog')).status).toBe(401)
      expect(await registry.requests()).toEqual([])
    })

    it.each([
      ['a name that is not there', 'public/0105', 'public/011'],
      ['a name that the caller may not see', 'other/999', 'public/000'],
      ['a name before all', '0', 'other/020'],
      ['a name after all', 'zzz', undefined],
    ])('go on after %s', async (_, last, first) => {
      const [page] = await pagesOf(asks, 'team', `/v2/_catalog?n=100&last=${last}`)
      expect(page?.names[0]).toBe(first)
    })

    it.each([
      ['n=-1', 400],
      ['n=many', 400],
      ['n=1&n=2', 400],
      ['last=a&last=b', 400],
      ['n=3&last=~altered', 400],
      ['n=0', 200],
      ['n=99999', 200],
    ])('with ?%s are answered %i', async (query, status) => {
      const answer = await asks('team', `/v2/_catalog?${query}`)
      expect(answer.status).toBe(status)
      const expected = status === 200 ? { repositories: expect.any(Array) } : { errors: [expect.anything()] }
      expect(answer.json()).toEqual(expected)
    })

    const tags = ['v1', ...Array.from({ length: TAGS }, (_, tag) => `t${number(tag)}`)].sort()
    it.each([1000, 10, 30, 61])('of tags are whole, %d at a time', async (n) => {
      const pages = await pagesOf(asks, 'all', `/v2/${all[0]}/tags/list?n=${n}`)
      expect([...namesOf(pages)].sort()).toEqual(tags)
      expect(pages.slice(0, -1).every(({ names }) => names.length === n)).toBe(true)
    })

    it('of tags are whole for who does not page', async () => {
      const answer = await asks('all', `/v2/${all[0]}/tags/list`)
      expect(answer.headers.link).toBeUndefined()
      expect(answer.json()).toEqual({ name: all[0], tags: expect.arrayContaining(tags) })
    })

    it.each([crane, skopeo, oras])('of tags are read by $client', async (driver) => {
      const session = openSession()
      const account = { username: 'all', password: secretOf('all') }
      expect(await driver.login(session, gate.host, account)).toMatchObject({ status: 0 })
      const { stdout } = await driver.tags(session, `${gate.host}/${all[0]}`)
      expect([...new Set(stdout.match(/\b(?:t\d{3}|v1)\b/g))].sort()).toEqual(tags)
    })

    it.each([crane, oras])('of repositories are read by $client', async (driver) => {
      const session = openSession()
      const account = { username: 'team', password: secretOf('team') }
      expect(await driver.login(session, gate.host, account)).toMatchObject({ status: 0 })
      expect((await driver.catalog(session, gate.host)).stdout.trim().split('\n')).toEqual(ofTeam)
    })
  },
)

/** An upstream with a list of that many names, whose pages have at most `most` of them. */
function pagesByName(
  upstream: FakeUpstream,
  key: 'repositories' | 'tags',
  names: readonly string[],
  most: number,
): void {
  upstream.behave(({ url = '' }, response) => {
    const { pathname, searchParams } = new URL(url, upstream.url)
    const last = searchParams.get('last') ?? ''
    const n = Math.min(Number(searchParams.get('n') ?? most), most)
    const begin = names.findIndex((name) => name > last)
    const page = begin < 0 ? [] : names.slice(begin, begin + n)
    const more = begin >= 0 && begin + n < names.length
    const link = more ? { link: `<${pathname}?n=${n}&last=${encodeURIComponent(page.at(-1) ?? '')}>; rel="next"` } : {}
    const body = key === 'tags' ? { name: 'x', tags: page } : { repositories: page }
    response.writeHead(200, { 'content-type': 'application/json', ...link }).end(JSON.stringify(body))
  })
}

/** An upstream whose pages have numbers, and no names in their links. */
function pagesByNumber(upstream: FakeUpstream, names: readonly string[], most: number): void {
  upstream.behave(({ url = '' }, response) => {
    const page = Number(new URL(url, upstream.url).searchParams.get('page') ?? 0)
    const end = (page + 1) * most
    const link = end < names.length ? { link: `</v2/_catalog?page=${page + 1}>; rel="next"` } : {}
    const body = JSON.stringify({ repositories: names.slice(page * most, end) })
    response.writeHead(200, { 'content-type': 'application/json', ...link }).end(body)
  })
}

describe('lists of a registry with thousands of names', () => {
  /** What the gate reads of a registry for one request. */
  const CALLS_MAX = 32
  const hidden = Array.from({ length: 40_000 }, (_, place) => `hidden/${String(place).padStart(5, '0')}`)
  const team = Array.from({ length: 3_000 }, (_, place) => `team/${String(place).padStart(4, '0')}`)
  const names = [...hidden, ...team, 'zzz/last']

  let upstream: FakeUpstream
  let gate: Gate
  let asks: ReturnType<typeof askerOf>
  beforeAll(async () => {
    upstream = await startFakeUpstream()
    gate = await startGate({ policies: openPolicies, upstream: upstream.url })
    asks = askerOf(gate)
  })
  afterAll(async () => {
    await gate.stop()
    await upstream.stop()
  })

  /** All pages, and for each how often the gate asked the registry. */
  const walked = async (name: string, target: string) => {
    const calls: number[] = []
    const counted: typeof asks = async (...question) => {
      upstream.take()
      const answer = await asks(...question)
      calls.push(upstream.take().length)
      return answer
    }
    return { pages: await pagesOf(counted, name, target), calls }
  }

  it.each([
    { caller: 'team', sees: team, n: 1000 },
    { caller: 'few', sees: ['zzz/last'], n: 10 },
    { caller: 'none', sees: [], n: 10 },
  ])('show $caller its own in bounded work, and name nothing else', async ({ caller, sees, n }) => {
    pagesByName(upstream, 'repositories', names, 1000)
    const { pages, calls } = await walked(caller, `/v2/_catalog?n=${n}`)
    expect(namesOf(pages)).toEqual(sees)
    expect(Math.max(...calls)).toBeLessThanOrEqual(CALLS_MAX)
    // A caller that sees little comes back a few times at most, not once for each of the registry's pages.
    expect(pages.length).toBeLessThanOrEqual(
      Math.ceil(sees.length / n) + Math.ceil(names.length / 1000 / CALLS_MAX) + 1,
    )
    for (const { link } of pages) expect(link ?? '').not.toContain('hidden')
  })

  it('are whole where the registry numbers its pages', async () => {
    pagesByNumber(upstream, names.slice(38_000), 100)
    const { pages, calls } = await walked('team', '/v2/_catalog?n=700')
    expect(namesOf(pages)).toEqual(team)
    expect(Math.max(...calls)).toBeLessThanOrEqual(CALLS_MAX)
    for (const { link } of pages) expect(link ?? '').not.toMatch(/hidden|page=/)
  })

  it('belong to their caller, where they go on', async () => {
    pagesByNumber(upstream, names.slice(38_000), 100)
    const link = linkOf(await asks('team', '/v2/_catalog?n=700'))
    expect(link).toContain('last=~')
    upstream.take()
    const stolen = await asks('few', link ?? '')
    expect(stolen.status).toBe(400)
    expect(upstream.take()).toEqual([])
  })

  it('of tags are whole, and their pages full', async () => {
    const tags = Array.from({ length: 5_000 }, (_, place) => `v${String(place).padStart(5, '0')}`)
    pagesByName(upstream, 'tags', tags, 100)
    const { pages, calls } = await walked('all', '/v2/team/app/tags/list?n=900')
    expect(namesOf(pages)).toEqual(tags)
    expect(pages.slice(0, -1).every(({ names: page }) => page.length === 900)).toBe(true)
    expect(Math.max(...calls)).toBeLessThanOrEqual(CALLS_MAX)
  })
})

describe('lists where the catalog is all or nothing', () => {
  let upstream: FakeUpstream
  let gate: Gate
  beforeAll(async () => {
    upstream = await startFakeUpstream()
    gate = await startGate({ policies: policiesWith('catalog: exact'), upstream: upstream.url })
  })
  afterAll(async () => {
    await gate.stop()
    await upstream.stop()
  })

  it('show all to who may, and to nobody else', async () => {
    pagesByName(upstream, 'repositories', ['a/b', 'c/d'], 1000)
    const asks = askerOf(gate)
    expect((await asks('all', '/v2/_catalog')).json()).toEqual({ repositories: ['a/b', 'c/d'] })
    upstream.take()
    for (const name of ['team', 'few', 'none']) expect((await asks(name, '/v2/_catalog')).status).toBe(403)
    expect((await asks(undefined, '/v2/_catalog')).status).toBe(401)
    expect(upstream.take()).toEqual([])
  })
})
