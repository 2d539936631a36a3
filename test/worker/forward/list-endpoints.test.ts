import { fc, test } from '@fast-check/vitest'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { PAGE_MAX, UPSTREAM_PAGES_MAX } from '../../../src/worker/forward/pager.ts'
import { REFERRERS_MAX_BYTES } from '../../../src/worker/forward/referrers.ts'
import { catchLog, createWorld, errorOf, type World } from '../gate-world.ts'

afterEach(() => vi.restoreAllMocks())

type Pages = {
  readonly names: readonly string[]
  /** Most names in one page. */
  readonly size?: number
  readonly ignores?: 'n' | 'n and last'
  /** Pages are named by an opaque token in the `Link`, and not by `last`. */
  readonly opaque?: boolean
  readonly order?: (a: string, b: string) => number
}

const byBytes = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
const byPath = (a: string, b: string) => byBytes(a.replaceAll('/', '\0'), b.replaceAll('/', '\0'))

/** A registry with a catalog, or tags, of `names`. */
function paging({ names, size = Infinity, ignores, opaque = false, order = byBytes }: Pages) {
  const sorted = [...names].sort(order)
  return (request: Request) => {
    const { pathname, searchParams } = new URL(request.url)
    const asked = ignores === undefined ? Number(searchParams.get('n') ?? 100) : Infinity
    const last = ignores === 'n and last' || opaque ? null : searchParams.get('last')
    const from = opaque ? Number(searchParams.get('page') ?? 0) : 0
    const rest = sorted.slice(from).filter((name) => last === null || order(name, last) > 0)
    const page = rest.slice(0, Math.min(asked, size))
    const more = page.length < rest.length
    const next = opaque ? `page=${from + page.length}` : `last=${encodeURIComponent(page.at(-1) ?? '')}`
    const link = `<https://internal.example${pathname}?n=${asked}&${next}>; rel="next"`
    const key = pathname.endsWith('/_catalog') ? { repositories: page } : { name: 'else', tags: page }
    return Response.json(key, { headers: more ? { link } : {} })
  }
}

type Listed = { readonly pages: readonly (readonly string[])[]; readonly texts: string }

/** Every page of a list, by its `Link`s, as clients read it. */
async function listAll({ call }: World, path: string, as: string): Promise<Listed> {
  const pages: string[][] = []
  let texts = ''
  let next: string | undefined = path
  while (next !== undefined) {
    const response: Response = await call('GET', next, { as })
    expect(response.status).toBe(200)
    const link: string | null = response.headers.get('link')
    const text = await response.text()
    const body: { repositories?: string[]; tags?: string[] } = JSON.parse(text)
    pages.push(body.repositories ?? body.tags ?? [])
    texts += `${text}${link}`
    next = link === null ? undefined : /^<(\/[^>]*)>; rel="next"$/.exec(link)?.[1]
    expect(pages.length).toBeLessThan(100)
  }
  return { pages, texts }
}

const NAMES = ['alpha', 'public/base', 'samples/a', 'samples/a-b', 'samples/a/b', 'samples/b', 'secret/x', 'zeta']
const SEEN_BY_CI = ['public/base', 'samples/a', 'samples/a-b', 'samples/a/b', 'samples/b']

describe('the catalog', () => {
  it.each([
    ['ci', SEEN_BY_CI],
    ['lister', SEEN_BY_CI],
    ['ci|registry:catalog:*', SEEN_BY_CI],
    ['catalog', NAMES],
    ['admin', NAMES],
    ['nobody', ['public/base']],
  ])('as %s shows what it may read or list', async (as, names) => {
    const listed = await listAll(createWorld({ registry: paging({ names: NAMES }) }), '/v2/_catalog', as)
    expect(listed.pages).toEqual([names])
    for (const name of NAMES) if (!names.includes(name)) expect(listed.texts).not.toContain(name)
  })

  it.each(['catalog', 'admin', 'ci'])('as %s shows no name that is not one of a repository', async (as) => {
    const odd = [
      '',
      'UPPER',
      '../etc',
      'samples/../secret',
      'samples/<b>',
      'samples/a b',
      'samples//a',
      'samples/\u001b[31m',
    ]
    const world = createWorld({ registry: () => Response.json({ repositories: [...odd, 'samples/a'] }) })
    const { pages, texts } = await listAll(world, '/v2/_catalog', as)
    expect(pages).toEqual([['samples/a']])
    for (const name of odd.slice(1)) expect(texts).not.toContain(name)
  })

  it('is the same in Azure’s API', async () => {
    const world = createWorld({ registry: paging({ names: NAMES }) })
    const { pages } = await listAll(world, '/acr/v1/_catalog?n=2', 'ci')
    expect(pages.flat()).toEqual(SEEN_BY_CI)
    expect(world.seen.every(({ url }) => new URL(url).pathname === '/acr/v1/_catalog')).toBe(true)
  })

  const registries: readonly [string, Partial<Pages>][] = [
    ['one page', {}],
    ['pages of one', { size: 1 }],
    ['pages of two', { size: 2 }],
    ['no regard for n', { ignores: 'n' }],
    ['no paging at all', { ignores: 'n and last' }],
    ['opaque pages of three', { size: 3, opaque: true }],
    ['the order of paths', { size: 3, order: byPath }],
    ['the order of paths and no paging', { ignores: 'n and last', order: byPath }],
    [
      'no order',
      { size: 3, opaque: true, order: (a, b) => byBytes([...a].reverse().join(''), [...b].reverse().join('')) },
    ],
  ]

  describe.each(registries)('over a registry with %s', (_, pages) => {
    it.each([1, 2, 3, 4, 5, 6, 100])('has exactly n = %i names in every page but the last', async (n) => {
      const world = createWorld({ registry: paging({ names: NAMES, ...pages }) })
      const listed = await listAll(world, `/v2/_catalog?n=${n}`, 'ci')
      expect(listed.pages.flat()).toEqual([...SEEN_BY_CI].sort(pages.order ?? byBytes))
      expect(listed.pages.length).toBe(Math.ceil(SEEN_BY_CI.length / n))
      for (const page of listed.pages.slice(0, -1)) expect(page.length).toBe(n)
      for (const hidden of ['alpha', 'secret', 'zeta']) expect(listed.texts).not.toContain(hidden)
    })
  })

  it.each([
    ['?last=samples/a', ['samples/a-b', 'samples/a/b', 'samples/b']],
    ['?last=samples/aa', ['samples/b']],
    ['?last=secret/x', []],
    ['?last=zzz', []],
    ['?last=0', SEEN_BY_CI],
    ['?last=', SEEN_BY_CI],
  ])('%s begins after it, whether or not there is such a name', async (query, names) => {
    for (const ignores of [{}, { ignores: 'n and last' }] as const) {
      const listed = await listAll(
        createWorld({ registry: paging({ names: NAMES, ...ignores }) }),
        `/v2/_catalog${query}`,
        'ci',
      )
      expect(listed.pages.flat()).toEqual(names)
    }
  })

  it.each([
    ['', 100, 'last=samples%2F0099'],
    ['?n=100000', PAGE_MAX, 'n=1000&last=samples%2F0999'],
    ['?n=0', 0, undefined],
  ])('%s has %i names', async (query, length, next) => {
    const names = Array.from({ length: 2500 }, (_, index) => `samples/${String(index).padStart(4, '0')}`)
    for (const as of ['ci', 'admin']) {
      const world = createWorld({ registry: paging({ names, size: 1000 }) })
      const response = await world.call('GET', `/v2/_catalog${query}`, { as })
      const { repositories }: { repositories: string[] } = await response.json()
      expect(repositories).toEqual(names.slice(0, length))
      expect(response.headers.get('link')).toBe(next === undefined ? null : `</v2/_catalog?${next}>; rel="next"`)
    }
  })

  it('never asks the registry for more than a thousand names', async () => {
    const world = createWorld({ registry: paging({ names: NAMES }) })
    for (const as of ['ci', 'admin']) await world.call('GET', '/v2/_catalog?n=999999999', { as })
    expect(world.seen.map(({ url }) => new URL(url).searchParams.get('n'))).toEqual(['1000', '1000'])
  })

  it('reads a bounded number of pages, and goes on behind a cursor that tells nothing', async () => {
    const hidden = Array.from({ length: 100 }, (_, index) => `hidden/${String(index).padStart(3, '0')}`)
    const world = createWorld({ registry: paging({ names: [...hidden, 'samples/z'], size: 1 }) })
    const response = await world.call('GET', '/v2/_catalog?n=5', { as: 'ci' })
    expect(world.seen.length).toBe(UPSTREAM_PAGES_MAX)
    expect(await response.json()).toEqual({ repositories: [] })
    const sealed = /last=~?(?:%7E)?([\w-]+)/.exec(response.headers.get('link') ?? '')?.[1] ?? ''
    expect(atob(sealed.replaceAll('-', '+').replaceAll('_', '/'))).not.toContain('hidden')
    const listed = await listAll(world, '/v2/_catalog?n=5', 'ci')
    expect(listed.pages.flat()).toEqual(['samples/z'])
    expect(listed.texts).not.toContain('hidden')
  })

  it('takes a cursor from whom it was given to, for the list it was given for', async () => {
    const world = createWorld({ registry: paging({ names: NAMES, size: 3, opaque: true }) })
    const link = (await world.call('GET', '/v2/_catalog?n=2', { as: 'ci' })).headers.get('link') ?? ''
    const path = /<([^>]*)>/.exec(link)?.[1] ?? ''
    const seen = world.seen.length
    for (const [target, as] of [
      [path, 'admin'],
      [`${path}A`, 'ci'],
      [path.replace('/v2/', '/acr/v1/'), 'ci'],
      ['/v2/_catalog?last=~', 'ci'],
      ['/v2/_catalog?last=~~', 'ci'],
    ] as const) {
      const response = await world.call('GET', target, { as })
      expect([response.status, (await errorOf(response)).code]).toEqual([400, 'UNSUPPORTED'])
    }
    expect(world.seen.length).toBe(seen)
  })

  const cursorIn = (response: Response): string =>
    new URLSearchParams(/\?([^>]*)>/.exec(response.headers.get('link') ?? '')?.[1]).get('last') ?? ''

  it('has cursors whose length tells nothing of a name that the caller may not see', async () => {
    const lengths = new Set<number>()
    for (const length of [1, 2, 10, 100, 200, 255]) {
      for (const hidden of [`h${'x'.repeat(length - 1)}`, 'h/'.repeat(length / 2).slice(0, -1) || 'h']) {
        for (const opaque of [false, true]) {
          const names = Array.from({ length: UPSTREAM_PAGES_MAX - 1 }, (_, n) => `a${n}`)
          const registry = paging({ names: [...names, hidden, 'samples/z'], size: 1, opaque })
          const cursor = cursorIn(await createWorld({ registry }).call('GET', '/v2/_catalog?n=5', { as: 'ci' }))
          expect(cursor.startsWith('~')).toBe(true)
          lengths.add(cursor.length)
        }
      }
    }
    expect(lengths.size).toBe(1)
  })

  it('goes on behind the longest names', async () => {
    const hidden = Array.from({ length: 40 }, (_, n) => `h/${String(n).padStart(3, '0')}${'/x'.repeat(125)}`)
    const visible = `samples/${'z'.repeat(247)}`
    for (const opaque of [false, true]) {
      const world = createWorld({ registry: paging({ names: [...hidden, visible], size: 1, opaque }) })
      expect((await listAll(world, '/v2/_catalog?n=5', 'ci')).pages.flat()).toEqual([visible])
    }
  })

  it('asks the registry by known parameters alone, whatever its Link says', async () => {
    const link =
      '</v2/_catalog?page=1&tag=prod&n=1&digest=x&_method=DELETE&orderby=timedesc&next%5Fpage=t%2B>; rel="next"'
    const registry = (request: Request) =>
      request.url.includes('page=1')
        ? Response.json({ repositories: ['samples/b'] })
        : Response.json({ repositories: ['samples/a'] }, { headers: { link } })
    const world = createWorld({ registry })
    expect((await listAll(world, '/v2/_catalog?n=1', 'ci')).pages).toEqual([['samples/a'], ['samples/b']])
    const queries = new Set(world.seen.map(({ url }) => new URL(url).search))
    expect([...queries]).toEqual(['?n=1', '?n=1&orderby=timedesc&next_page=t%2B&page=1'])
  })

  it.each(['', '?', '?n=1', '?tag=prod', '?last=', '?last=a&last=b', '?page=1&page=2', '?page=%ff', '?Last=a'])(
    'that goes on at %j is one that the gate does not understand, and is 502',
    async (query) => {
      const log = catchLog()
      const registry = () =>
        Response.json({ repositories: ['samples/a'] }, { headers: { link: `</v2/_catalog${query}>; rel="next"` } })
      const { call, seen } = createWorld({ registry })
      const response = await call('GET', '/v2/_catalog', { as: 'ci' })
      expect([response.status, (await errorOf(response)).code, seen.length]).toEqual([502, 'UNAVAILABLE', 1])
      expect(log.lines()).toContain(
        '"message":"the registry goes on with a list by query parameters that the gate does not know"',
      )
    },
  )

  it('that goes on at a place of any length is 502 where that cannot be carried', async () => {
    const log = catchLog()
    const link = `</v2/_catalog?page=${'x'.repeat(6100)}>; rel="next"`
    const registry = () => Response.json({ repositories: ['samples/a', 'samples/b'] }, { headers: { link } })
    const { call } = createWorld({
      registry: (request) =>
        request.url.includes('page=') ? paging({ names: ['samples/c', 'samples/d'] })(request) : registry(),
    })
    expect((await call('GET', '/v2/_catalog?n=3', { as: 'ci' })).status).toBe(502)
    expect(log.lines()).toContain(
      '"message":"the registry goes on with a list at a place that is too long to be carried"',
    )
  })

  const registryOf = (...answers: readonly (() => Response)[]) => {
    let index = 0
    return () => answers[index++]?.() ?? new Response(null, { status: 500 })
  }
  const page = (names: readonly string[], last: string) => () =>
    Response.json({ repositories: names }, { headers: { link: `</v2/_catalog?last=${last}&n=1>; rel="next"` } })

  it.each([
    ['a failure at the start', [() => new Response('x', { status: 500 })]],
    ['a failure half-way', [page(['samples/a'], 'a'), () => new Response('x', { status: 500 })]],
    ['a list that is gone half-way', [page(['samples/a'], 'a'), () => Response.json({ errors: [] }, { status: 404 })]],
    ['a refusal half-way', [page(['samples/a'], 'a'), () => new Response('x', { status: 401 })]],
    ['a part of a list', [() => Response.json({ repositories: NAMES }, { status: 206 })]],
    [
      'a list elsewhere',
      [() => new Response(null, { status: 307, headers: { location: 'https://cdn.example/list' } })],
    ],
    ['a list without its status', [() => Response.json({ repositories: NAMES }, { status: 203 })]],
    ['a web page', [() => new Response('<html>', { headers: { 'content-type': 'text/html' } })]],
    ['half a list', [() => new Response('{"repositories":["samples/')]],
    ['numbers', [() => Response.json({ repositories: [1] })]],
    ['an object', [() => Response.json({ repositories: {} })]],
    [
      'a circle',
      [page(['samples/a'], 'a'), page(['samples/b'], 'a'), () => Response.json({ repositories: ['samples/c'] })],
    ],
  ])('%s is 5xx', async (_, answers) => {
    catchLog()
    const response = await createWorld({ registry: registryOf(...answers) }).call('GET', '/v2/_catalog', { as: 'ci' })
    expect(response.status).toBe(502)
    expect((await errorOf(response)).code).toBe('UNAVAILABLE')
    expect(response.headers.get('link')).toBeNull()
  })

  it('is asked for whole, whatever part of it the client asks for', async () => {
    const { call, seen } = createWorld({ registry: paging({ names: NAMES }) })
    const headers = { range: 'bytes=0-9', 'if-none-match': '"x"', 'if-range': '"x"', accept: 'application/json' }
    expect((await call('GET', '/v2/_catalog', { as: 'ci', headers })).status).toBe(200)
    expect([...(seen[0]?.headers.keys() ?? [])].sort()).toEqual(['accept', 'accept-encoding', 'authorization'])
  })

  it('that the registry does not have is 404, as it says', async () => {
    const registry = () => Response.json({ errors: [{ code: 'UNSUPPORTED' }] }, { status: 404 })
    const response = await createWorld({ registry }).call('GET', '/v2/_catalog', { as: 'ci' })
    expect([response.status, (await errorOf(response)).code]).toEqual([404, 'UNSUPPORTED'])
  })

  test.prop([
    fc.uniqueArray(fc.stringMatching(/^(samples|secret|public)\/[a-c]{1,3}(-[a-c]|\/[a-c])?$/), { maxLength: 40 }),
    fc.record(
      {
        size: fc.integer({ min: 1, max: 7 }),
        ignores: fc.constantFrom('n' as const, 'n and last' as const),
        opaque: fc.boolean(),
        order: fc.constantFrom(byBytes, byPath),
      },
      { requiredKeys: [] },
    ),
    fc.integer({ min: 1, max: 9 }),
  ])('shows every name that the caller may see once, in pages of n, and no other', async (names, pages, n) => {
    // A registry that ignores paging has one page.
    const { size, ...rest } = pages
    const registry = paging({ names, ...rest, ...(pages.ignores === undefined && size !== undefined ? { size } : {}) })
    const listed = await listAll(createWorld({ registry }), `/v2/_catalog?n=${n}`, 'ci')
    const visible = names.filter((name) => !name.startsWith('secret/')).sort(pages.order ?? byBytes)
    expect(listed.pages.flat()).toEqual(visible)
    expect(listed.pages.slice(0, -1).every(({ length }) => length === n)).toBe(true)
    expect(listed.texts).not.toContain('secret')
  })
})

describe('a list of tags', () => {
  const TAGS = ['a', 'B', 'c', 'd', 'e']

  it.each([1, 2, 5, 6])('has exactly n = %i tags in every page but the last', async (n) => {
    for (const pages of [{}, { size: 2 }, { ignores: 'n and last' }, { size: 2, opaque: true }] as const) {
      const world = createWorld({ registry: paging({ names: TAGS, ...pages }) })
      const listed = await listAll(world, `/v2/samples/app/tags/list?n=${n}`, 'lister')
      expect(listed.pages.flat()).toEqual([...TAGS].sort(byBytes))
      expect(listed.pages.length).toBe(Math.ceil(TAGS.length / n))
    }
  })

  it('names the repository that was asked for, and is complete where a client does not page', async () => {
    const tags = Array.from({ length: 700 }, (_, index) => `t${String(index).padStart(3, '0')}`)
    const world = createWorld({ registry: paging({ names: tags }) })
    const response = await world.call('GET', '/v2/samples/app/tags/list', { as: 'lister' })
    expect(await response.json()).toEqual({ name: 'samples/app', tags })
    expect(response.headers.get('link')).toBeNull()
  })

  it.each([
    ['{"name":"samples/app","tags":null}', []],
    ['{"name":"samples/app"}', []],
    ['{"name":"samples/app","tags":[]}', []],
  ])('of %s is empty', async (text, tags) => {
    const response = await createWorld({ registry: () => new Response(text) }).call(
      'GET',
      '/v2/samples/app/tags/list',
      { as: 'ci' },
    )
    expect(await response.json()).toEqual({ name: 'samples/app', tags })
  })

  it('of a repository that is not there is 404', async () => {
    const registry = () => Response.json({ errors: [{ code: 'NAME_UNKNOWN' }] }, { status: 404 })
    const world = createWorld({ registry })
    for (const query of ['', '?n=0']) {
      const response = await world.call('GET', `/v2/samples/app/tags/list${query}`, { as: 'ci' })
      expect([response.status, (await errorOf(response)).code]).toEqual([404, 'NAME_UNKNOWN'])
    }
  })

  it('n=0 is empty and has no more', async () => {
    const response = await createWorld({ registry: paging({ names: TAGS }) }).call(
      'GET',
      '/v2/samples/app/tags/list?n=0',
      { as: 'ci' },
    )
    expect([await response.json(), response.headers.get('link')]).toEqual([{ name: 'samples/app', tags: [] }, null])
  })
})

describe('a list of referrers', () => {
  const digest = `sha256:${'a'.repeat(64)}`
  const path = `/v2/samples/app/referrers/${digest}`
  const type = { 'content-type': 'application/vnd.oci.image.index.v1+json' }

  /** A registry with `pages` pages of one referrer each. */
  const referring = (pages: number) => (request: Request) => {
    const page = Number(new URL(request.url).searchParams.get('page') ?? 0)
    const link = `<https://internal.example/else?page=${page + 1}>; rel="next"`
    const headers = { ...type, 'oci-filters-applied': 'artifactType', ...(page + 1 < pages ? { link } : {}) }
    return new Response(JSON.stringify({ schemaVersion: 2, mediaType: 'x', manifests: [{ digest: `d${page}` }] }), {
      headers,
    })
  }

  it.each([1, 2, 5])('of %i pages is answered whole', async (pages) => {
    const { call, seen } = createWorld({ registry: referring(pages) })
    const response = await call('GET', `${path}?artifactType=a/b`, { as: 'ci' })
    const manifests = Array.from({ length: pages }, (_, page) => ({ digest: `d${page}` }))
    expect(await response.json()).toEqual({ schemaVersion: 2, mediaType: 'x', manifests })
    expect(response.headers.get('content-type')).toBe(type['content-type'])
    expect(response.headers.get('oci-filters-applied')).toBe('artifactType')
    expect(response.headers.get('link')).toBeNull()
    expect(seen.slice(1).every(({ url }) => new URL(url).pathname === path)).toBe(true)
    expect(seen.length).toBe(pages)
  })

  it.each([
    ['too many pages', referring(UPSTREAM_PAGES_MAX + 1)],
    [
      'more than fits in memory, page by page',
      (request: Request) => {
        const manifests = [{ digest: 'd', annotations: { a: 'x'.repeat(REFERRERS_MAX_BYTES / 2) } }]
        const link = '<?page=1>; rel="next"'
        return Response.json({ manifests }, request.url.includes('page=') ? {} : { headers: { link } })
      },
    ],
    [
      'a page that fails',
      (request: Request) =>
        request.url.includes('page=') ? new Response(null, { status: 404 }) : referring(2)(request),
    ],
    [
      'a page that is none',
      (request: Request) => (request.url.includes('page=') ? Response.json({}) : referring(2)(request)),
    ],
  ])('with %s is 502, and never a part of it', async (_, registry) => {
    catchLog()
    const response = await createWorld({ registry }).call('GET', path, { as: 'ci' })
    expect([response.status, (await errorOf(response)).code]).toEqual([502, 'UNAVAILABLE'])
  })
})
