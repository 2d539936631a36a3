/** Lists of registries that do not sort, do not page, or write their Links in unusual ways (faults C2 and C5). */
import { fc, test } from '@fast-check/vitest'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { catchLog, createWorld, DIGEST, errorOf, type World } from '../gate-world.ts'

afterEach(() => vi.restoreAllMocks())

const TAGS = '/v2/samples/app/tags/list'

async function walk({ call }: World, path: string): Promise<readonly (readonly string[])[]> {
  const pages: string[][] = []
  for (let next: string | undefined = path; next !== undefined; ) {
    const response: Response = await call('GET', next, { as: 'admin' })
    expect(response.status).toBe(200)
    const body: { repositories?: string[]; tags?: string[] } = await response.json()
    pages.push(body.repositories ?? body.tags ?? [])
    next = /^<([^>]*)>; rel="next"$/.exec(response.headers.get('link') ?? '')?.[1]
    expect(pages.length).toBeLessThan(100)
  }
  return pages
}

const byBytes = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

describe('a registry that gives all tags at once, in no order', () => {
  const given = ['v2', 'latest', 'V2', '1.0', 'beta', 'v10', '_x', '10', 'Beta', 'v1', '1.0-rc']
  const ordered = given.toSorted(byBytes)
  const world = () => createWorld({ registry: () => Response.json({ name: 'x', tags: given }) })

  it.each([1, 2, 3, 5, 10, 11, 12])('is paged by %i', async (n) => {
    const pages = await walk(world(), `${TAGS}?n=${n}`)
    expect(pages.flat()).toEqual(ordered)
    expect(pages.length).toBe(Math.ceil(given.length / n))
  })

  it.each([
    ['', ordered, false],
    ['?n=0', [], false],
    ['?last=beta', ordered.slice(7), false],
    ['?last=bets', ordered.slice(7), false],
    ['?last=a', ordered.slice(6), false],
    ['?last=A', ordered.slice(3), false],
    ['?last=0', ordered, false],
    ['?last=zzz', [], false],
    ['?n=2&last=0', ordered.slice(0, 2), true],
    ['?n=2&last=beta', ordered.slice(7, 9), true],
    ['?n=2&last=bets', ordered.slice(7, 9), true],
    ['?n=2&last=v10', ordered.slice(10), false],
    ['?n=5&last=v2', [], false],
  ])('answers %s as the distribution-spec says', async (query, tags, more) => {
    const response = await world().call('GET', `${TAGS}${query}`, { as: 'ci' })
    expect(await response.json()).toEqual({ name: 'samples/app', tags })
    expect(response.headers.has('link')).toBe(more)
  })

  it('names at most 1,000 tags at once, and where the others are', async () => {
    const tags = Array.from({ length: 2500 }, (_, index) => `t${String((index * 7) % 2500).padStart(4, '0')}`)
    const many = createWorld({ registry: () => Response.json({ name: 'x', tags }) })
    const pages = await walk(many, TAGS)
    expect(pages.map(({ length }) => length)).toEqual([1000, 1000, 500])
    expect(pages.flat()).toEqual(tags.toSorted(byBytes))
  })

  test.prop([
    fc.uniqueArray(fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,3}$/), { maxLength: 30 }),
    fc.integer({ min: 1, max: 7 }),
  ])('is paged without loss and without repetition', async (tags, n) => {
    const pages = await walk(createWorld({ registry: () => Response.json({ name: 'x', tags }) }), `${TAGS}?n=${n}`)
    expect(pages.flat().toSorted(byBytes)).toEqual(tags.toSorted(byBytes))
    expect(pages.slice(0, -1).every(({ length }) => length === n)).toBe(true)
  })
})

describe('a registry that pages tags in the order in which they were pushed', () => {
  const inOwnOrder =
    (pushed: readonly string[], most = Infinity) =>
    (request: Request) => {
      const { searchParams } = new URL(request.url)
      const last = searchParams.get('last')
      const from = last === null ? 0 : pushed.indexOf(last) + 1
      const tags = pushed.slice(from, from + Math.min(Number(searchParams.get('n') ?? 100), most))
      const more = from + tags.length < pushed.length
      const link = `<?last=${tags.at(-1)}&n=${searchParams.get('n') ?? 100}>; rel="next"`
      return Response.json({ name: 'x', tags }, { headers: more ? { link } : {} })
    }

  it.each([
    ['a late fix of an old release', ['1.0', '1.1', '1.2', '0.9']],
    ['releases of ten and more', ['v1', 'v2', 'v9', 'v10', 'v11', 'v1.1']],
    ['no order at all', ['c', 'a', 'd', 'b', 'e']],
    ['newest first', ['5', '4', '3', '2', '1']],
  ])('keeps every tag of %s', async (_, pushed) => {
    for (const n of [1, 2, 3, 4, 10]) {
      for (const most of [1, 2, Infinity]) {
        const pages = await walk(createWorld({ registry: inOwnOrder(pushed, most) }), `${TAGS}?n=${n}`)
        expect(pages.flat().toSorted(byBytes)).toEqual(pushed.toSorted(byBytes))
      }
    }
  })

  test.prop([
    fc.uniqueArray(fc.stringMatching(/^[a-c][a-c0-2]{0,2}$/), { maxLength: 15 }),
    fc.integer({ min: 1, max: 5 }),
    fc.integer({ min: 1, max: 5 }),
  ])('keeps every tag, whatever they are', async (pushed, n, most) => {
    const pages = await walk(createWorld({ registry: inOwnOrder(pushed, most) }), `${TAGS}?n=${n}`)
    expect(pages.flat().toSorted(byBytes)).toEqual(pushed.toSorted(byBytes))
  })
})

/** Two pages, and a Link from the first one to the second. */
const twoPages = (link: string, key: 'repositories' | 'tags' | 'manifests') => (request: Request) => {
  const isSecond = new URL(request.url).searchParams.get('last') === 'a'
  const page = (names: readonly string[]) => ({
    [key]: key === 'manifests' ? names.map((digest) => ({ digest })) : names,
  })
  return Response.json(page(isSecond ? ['b'] : ['a']), { headers: isSecond ? {} : { link } })
}

const LISTS = [
  ['/v2/_catalog?n=2', 'repositories'],
  [`${TAGS}?n=2`, 'tags'],
  [`/v2/samples/app/referrers/${DIGEST}`, 'manifests'],
] as const

describe.each(LISTS)('the Link of %s', (path, key) => {
  it.each([
    '<?last=a>; rel="prefetch next"',
    '<?last=a>; title="a>b"; rel=next',
    '<?last=a>; rel="next"; title="rel=prev"',
    '</else?n=1>; title="rel=next"; rel="first", <?last=a>; rel="next"',
    '<https://internal.example/v2/else?last=a&n=2>; rel="next"',
    '<else?last=a>; REL=NEXT',
    '<?last=a#page>; rel="next"',
  ])('%s leads to the next page', async (link) => {
    const { call, seen } = createWorld({ registry: twoPages(link, key) })
    const response = await call('GET', path, { as: 'admin' })
    const text = await response.text()
    expect([response.status, seen.length]).toEqual([200, 2])
    expect(text).toContain('"a"')
    expect(text).toContain('"b"')
  })

  it.each(['<?last=a>; rel="prev"; title="rel=next"', '<?last=a>; rel="nextish"', '</v2/else>; rel="first"'])(
    '%s does not',
    async (link) => {
      const { call, seen } = createWorld({ registry: twoPages(link, key) })
      const response = await call('GET', path, { as: 'admin' })
      expect([response.status, seen.length, (await response.text()).includes('"b"')]).toEqual([200, 1, false])
    },
  )

  it.each([
    '?last=a; rel="next"',
    '<?last=a>',
    '<?last=a>; title="next"',
    '<?last=a; rel="next"',
    '<?last=a>; rel="next',
    '<?last=a>; rel="next", else',
    '<?last=a>; rel="next", <?last=b>; rel="next"',
    '<?last=a>; rel="next"; anchor="/else"',
    '</v2/page/2>; rel="next"',
    '<#?last=a>; rel="next"',
    'next: ?last=a',
  ])('%s is 502, and not the end of the list', async (link) => {
    const log = catchLog()
    const { call } = createWorld({ registry: twoPages(link, key) })
    const response = await call('GET', path, { as: 'admin' })
    expect([response.status, (await errorOf(response)).code]).toEqual([502, 'UNAVAILABLE'])
    expect(log.lines()).toMatch(
      /the registry gave a list with a Link that cannot be read|the registry goes on with a list by query parameters/,
    )
  })
})
