/** What a list asks of the registry: how often, and for how many names (fault C2). */
import { describe, expect, it } from 'vitest'
import type { DenyAssignment } from '../../src/policy/model.ts'
import { principalKey } from '../../src/policy/principal.ts'
import { parseRepositoryPattern } from '../../src/policy/repository-pattern.ts'
import { UPSTREAM_PAGES_MAX } from '../../src/worker/forward/pager.ts'
import { createWorld, errorOf, roleFor, type World } from './gate-world.ts'

type Registry = {
  readonly names: readonly string[]
  /** Largest page; what asks for more is 400, or gets this many. */
  readonly most: number
  readonly refuses?: boolean
  /** Page size where none is asked for. */
  readonly usual?: number
}

/** A registry that pages `names` in the order in which they are given. */
const registryOf =
  ({ names, most, refuses = false, usual = most }: Registry) =>
  (request: Request): Response => {
    const { pathname, searchParams } = new URL(request.url)
    const n = searchParams.get('n')
    if (n !== null && refuses && Number(n) > most) {
      const errors = [{ code: 'PAGINATION_NUMBER_INVALID', message: 'invalid number of results requested' }]
      return Response.json({ errors }, { status: 400 })
    }
    const last = searchParams.get('last')
    const place = last === null ? -1 : names.indexOf(last)
    const from = last === null ? 0 : place >= 0 ? place + 1 : names.findIndex((name) => name > last)
    const page = from < 0 ? [] : names.slice(from, from + Math.min(Number(n ?? usual), most))
    const end = page.at(-1)
    const more = end !== undefined && end !== names.at(-1)
    const link = `<${pathname}?last=${encodeURIComponent(end ?? '')}${n === null ? '' : `&n=${n}`}>; rel="next"`
    const body = pathname.endsWith('_catalog') ? { repositories: page } : { name: 'x', tags: page }
    return Response.json(body, { headers: more ? { link } : {} })
  }

const numbered = (count: number, prefix = 'samples/') =>
  Array.from({ length: count }, (_, index) => `${prefix}${String(index).padStart(5, '0')}`)

type Walk = { readonly names: readonly string[]; readonly sizes: readonly number[]; readonly calls: readonly number[] }

/** Every page of a list: its names, how many each page has, and how often the registry was asked for each. */
async function walk({ call, seen }: World, path: string, as: string): Promise<Walk> {
  const names: string[] = []
  const sizes: number[] = []
  const calls: number[] = []
  for (let next: string | undefined = path; next !== undefined; ) {
    const before = seen.length
    const response: Response = await call('GET', next, { as })
    expect(response.status).toBe(200)
    const body: { repositories?: string[]; tags?: string[] } = await response.json()
    const page = body.repositories ?? body.tags ?? []
    names.push(...page)
    sizes.push(page.length)
    calls.push(seen.length - before)
    next = /^<([^>]*)>; rel="next"$/.exec(response.headers.get('link') ?? '')?.[1]
    expect(sizes.length).toBeLessThan(200)
  }
  return { names, sizes, calls }
}

const queriesOf = ({ seen }: World) => seen.map(({ url }) => new URL(url).search)

describe('the registry is asked', () => {
  const names = numbered(30)

  it.each([
    ['/v2/_catalog?n=10', 'ci', '?n=10'],
    ['/v2/_catalog?n=10', 'admin', '?n=10'],
    ['/v2/_catalog?n=10', 'catalog', '?n=10'],
    ['/v2/_catalog?n=1', 'admin', '?n=1'],
    ['/v2/_catalog?n=10&last=samples/00003', 'admin', '?n=10&last=samples%2F00003'],
    ['/v2/_catalog', 'ci', ''],
    ['/v2/_catalog', 'admin', ''],
    ['/v2/_catalog?last=samples/00003', 'admin', '?last=samples%2F00003'],
    ['/acr/v1/_catalog?n=7', 'admin', '?n=7'],
    ['/v2/samples/app/tags/list?n=10', 'ci', '?n=10'],
    ['/v2/samples/app/tags/list', 'ci', ''],
  ])('%s as %s for what the client asked: %s', async (path, as, query) => {
    const world = createWorld({ registry: registryOf({ names, most: 1000 }) })
    expect((await world.call('GET', path, { as })).status).toBe(200)
    // Whether a name follows that a caller of few may see shows the next page alone.
    expect(queriesOf(world)[0]).toBe(query)
    if (as !== 'ci') expect(world.seen.length).toBe(1)
  })
})

describe('a registry whose limit is 100', () => {
  const names = numbered(250)

  it.each([
    { as: 'ci', path: '/v2/_catalog?n=10', sizes: Array.from({ length: 25 }, () => 10) },
    { as: 'admin', path: '/v2/_catalog?n=10', sizes: Array.from({ length: 25 }, () => 10) },
    { as: 'ci', path: '/v2/_catalog', sizes: [100, 100, 50] },
    { as: 'admin', path: '/v2/_catalog', sizes: [100, 100, 50] },
    { as: 'admin', path: '/v2/_catalog?n=100', sizes: [100, 100, 50] },
    { as: 'ci', path: '/v2/_catalog?n=100', sizes: [100, 100, 50] },
    { as: 'admin', path: '/v2/_catalog?n=101', sizes: [101, 101, 48] },
    { as: 'ci', path: '/v2/_catalog?n=1000', sizes: [250] },
    { as: 'admin', path: '/v2/_catalog?n=99999', sizes: [250] },
    { as: 'ci', path: '/v2/samples/app/tags/list', sizes: [250] },
    { as: 'ci', path: '/v2/samples/app/tags/list?n=60', sizes: [60, 60, 60, 60, 10] },
    { as: 'ci', path: '/v2/samples/app/tags/list?n=200', sizes: [200, 50] },
  ])('gives $as all of $path, and it is the same whether it refuses more or cuts it', async ({ as, path, sizes }) => {
    for (const refuses of [true, false]) {
      const world = createWorld({ registry: registryOf({ names, most: 100, refuses }) })
      const list = await walk(world, path, as)
      expect(list.names).toEqual(names)
      expect(list.sizes).toEqual(sizes)
    }
  })

  it('is told as it says where it refuses a list for another reason', async () => {
    const registry = () => Response.json({ errors: [{ code: 'UNSUPPORTED', message: 'no lists' }] }, { status: 400 })
    const response = await createWorld({ registry }).call('GET', '/v2/_catalog?n=10', { as: 'admin' })
    expect([response.status, await errorOf(response)]).toEqual([400, { code: 'UNSUPPORTED', message: 'no lists' }])
  })
})

describe('a page as large as the registry’s limit', () => {
  it.each([
    ['/v2/_catalog?n=1000', 'admin'],
    ['/v2/_catalog?n=1000', 'catalog'],
    ['/v2/samples/app/tags/list?n=1000', 'ci'],
    ['/v2/samples/app/tags/list', 'ci'],
  ])('%s as %s costs one call', async (path, as) => {
    const world = createWorld({ registry: registryOf({ names: numbered(2500), most: 1000 }) })
    const list = await walk(world, path, as)
    expect(list.names).toEqual(numbered(2500))
    expect(list.sizes).toEqual([1000, 1000, 500])
    expect(list.calls).toEqual([1, 1, 1])
  })
})

describe('a caller who may see every name by its own rights', () => {
  /** The rights of `tokens` of the world, and of one more that may read all tags. */
  const assignments = [roleFor('nobody', 'Container Registry Repository Reader')]

  it.each([
    ['of 25', '?n=25', 1000],
    ['of 1000', '?n=1000', 1000],
    ['as the registry makes them', '', 100],
    ['larger than those of the registry', '?n=300', 100],
  ])('costs no more calls than one with catalog/read, in pages %s', async (_, query, most) => {
    const names = [...numbered(900, 'a/'), ...numbered(900, 'secret/')]
    const costs = await Promise.all(
      ['catalog', 'admin', 'nobody'].map(async (as) => {
        const world = createWorld({ registry: registryOf({ names, most }), assignments })
        const list = await walk(world, `/v2/_catalog${query}`, as)
        expect(list.names).toEqual(names)
        return { calls: list.calls, queries: queriesOf(world) }
      }),
    )
    expect(costs[1]).toEqual(costs[0])
    expect(costs[2]).toEqual(costs[0])
  })

  it('sees no name that a deny assignment takes away', async () => {
    const secret = parseRepositoryPattern('secret/*')
    if (!secret.ok) throw new Error('no pattern')
    const deny: DenyAssignment = {
      name: 'secrets',
      principals: [principalKey({ kind: 'token', name: 'admin' })],
      except: [],
      permissions: ['content/read', 'metadata/read'],
      actions: [],
      repositories: [secret.value],
      source: { file: 'test.yaml', line: 1, column: 1 },
    }
    const names = [...numbered(30, 'a/'), ...numbered(30, 'secret/'), ...numbered(30, 'z/')]
    const world = createWorld({ registry: registryOf({ names, most: 1000 }), denies: [deny] })
    const list = await walk(world, '/v2/_catalog?n=25', 'admin')
    expect(list.names).toEqual([...numbered(30, 'a/'), ...numbered(30, 'z/')])
    expect(list.sizes).toEqual([25, 25, 10])
  })
})

describe('a caller who may see few names', () => {
  it('costs a bounded number of calls, for pages as large as the registry gives', async () => {
    const names = [...numbered(20_000, 'hidden/'), 'samples/z']
    for (const refuses of [false, true]) {
      const world = createWorld({ registry: registryOf({ names, most: 1000, refuses }) })
      const list = await walk(world, '/v2/_catalog?n=10', 'ci')
      expect(list.names).toEqual(['samples/z'])
      expect(list.calls).toEqual([1 + 20])
    }
  })

  it('costs no more than the bound where the registry refuses large pages', async () => {
    const names = [...numbered(5000, 'hidden/'), 'samples/z']
    const world = createWorld({ registry: registryOf({ names, most: 100, refuses: true }) })
    const list = await walk(world, '/v2/_catalog?n=100', 'ci')
    expect(list.names).toEqual(['samples/z'])
    expect(Math.max(...list.calls)).toBeLessThanOrEqual(UPSTREAM_PAGES_MAX)
    expect(list.calls.length).toBe(2)
  })
})
