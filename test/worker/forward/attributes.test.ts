import { describe, expect, it, vi } from 'vitest'
import { ATTRIBUTES_MAX_BYTES } from '../../../src/worker/forward/attributes.ts'
import { BEARER, createWorld, DIGEST, errorOf, UPSTREAM } from '../gate-world.ts'

const TAG = '/acr/v1/samples/app/_tags/v1'
const MANIFEST = `/acr/v1/samples/app/_manifests/${DIGEST}`
const REPOSITORY = '/acr/v1/samples/app'

const LOCK = '{"deleteEnabled":false,"writeEnabled":false}'
const RELEASE = '{"quarantineState":"Passed","quarantineDetails":"{}"}'
const BOTH = '{"quarantineState":"Passed","deleteEnabled":false}'

describe('a change of attributes', () => {
  it.each([
    ['locker', REPOSITORY, LOCK, 200],
    ['locker', TAG, LOCK, 200],
    ['locker', MANIFEST, LOCK, 200],
    ['admin', TAG, '{}', 200],
    ['quarantine', MANIFEST, RELEASE, 200],
    // The right for the one is none for the other.
    ['locker', MANIFEST, RELEASE, 403],
    ['locker', MANIFEST, BOTH, 403],
    ['quarantine', MANIFEST, LOCK, 403],
    ['quarantine', MANIFEST, BOTH, 403],
    ['quarantine', MANIFEST, '{}', 403],
    ['admin', MANIFEST, RELEASE, 403],
    ['ci', TAG, LOCK, 403],
    ['locker', '/acr/v1/other/app/_tags/v1', LOCK, 403],
    // Registries read keys in any letter case, and at any depth.
    ['locker', MANIFEST, '{"QuarantineState":"Passed"}', 403],
    ['locker', MANIFEST, '{"QUARANTINEDETAILS":"x","deleteEnabled":false}', 403],
    ['locker', MANIFEST, '{"changeableAttributes":{"quarantineState":"Passed"}}', 403],
    ['locker', MANIFEST, '[{"quarantineState":"Passed"}]', 400],
    ['locker', MANIFEST, '{"quarantineſtate":"Passed"}', 400],
    ['locker', MANIFEST, '{"quarantine\\u0053tate":"Passed"}', 403],
    ['locker', MANIFEST, '{"":"x"}', 400],
    ['locker', MANIFEST, '"text"', 400],
    ['locker', MANIFEST, 'null', 400],
    ['locker', MANIFEST, '', 400],
    ['locker', MANIFEST, '{"deleteEnabled":false', 400],
    ['locker', MANIFEST, `{"a":"${'x'.repeat(ATTRIBUTES_MAX_BYTES)}"}`, 400],
  ])('as %s of %s with %.60s is %i', async (as, path, body, status) => {
    const { call, seen } = createWorld({ registry: () => Response.json({}) })
    const response = await call('PATCH', path, { as, body })
    expect(response.status).toBe(status)
    if (status === 200) expect(seen).toMatchObject([{ url: `${UPSTREAM}${path}`, body }])
    else expect(seen).toEqual([])
  })

  it.each([
    'application/json',
    'application/x-www-form-urlencoded',
    'application/json; charset=utf-16',
    'multipart/form-data; boundary=x',
  ])('reaches the registry as it was judged: each key once, as JSON, and not as %s', async (type) => {
    const { call, seen } = createWorld({ registry: () => Response.json({}) })
    const body = '{ "deleteEnabled": true, "deleteEnabled": false }'
    await call('PATCH', TAG, { as: 'locker', body, headers: { 'content-type': type } })
    expect(seen).toMatchObject([{ body: '{"deleteEnabled":false}' }])
    expect(seen[0]?.headers.get('content-type')).toBe('application/json')
  })

  it.each([
    ['nobody', 403],
    ['ci', 403],
    [undefined, 401],
    ['locker|repository:samples/app:pull', 401],
  ])('as %s is refused before its body is read', async (as, status) => {
    const { call, seen } = createWorld()
    let pulled = 0
    const body = new ReadableStream(
      {
        pull: (controller) => {
          pulled += 1
          controller.enqueue(new TextEncoder().encode(LOCK))
          controller.close()
        },
      },
      { highWaterMark: 0 },
    )
    const response = await call('PATCH', TAG, { body, ...(as === undefined ? {} : { as }) })
    expect([response.status, pulled, seen]).toEqual([status, 0, []])
  })

  it('names the scope that a token lacks', async () => {
    const { call } = createWorld()
    const narrow = await call('PATCH', TAG, { as: 'locker|repository:samples/app:metadata_read', body: LOCK })
    const scope = 'scope="repository:samples/app:metadata_write",error="insufficient_scope"'
    expect(narrow.headers.get('www-authenticate')).toBe(`${BEARER},${scope}`)
    const missing = await call('PATCH', MANIFEST, { as: 'locker', body: RELEASE })
    expect((await errorOf(missing)).message).toBe('token locker has no quarantine/write on samples/app')
  })
})

describe("the link to the next page of a list of Azure's metadata API", () => {
  const linked = (link: string) => createWorld({ registry: () => Response.json({}, { headers: { link } }) })

  it.each([
    {
      what: 'points to the path of the request',
      path: '/acr/v1/samples/app/_tags?n=2',
      link: '</acr/v1/samples/app/_tags?last=v2&n=2&orderby=>; rel="next"',
      expected: '</acr/v1/samples/app/_tags?n=2&last=v2>; rel="next"',
    },
    {
      what: 'loses the host, the path and the parameters that the gate does not know',
      path: '/acr/v1/samples/app/_manifests',
      link: '<https://internal.example/acr/v1/other/_manifests?last=x&secret=1>; rel="next"',
      expected: '</acr/v1/samples/app/_manifests?last=x>; rel="next"',
    },
    {
      what: 'keeps the filter of the request',
      path: `/acr/v1/samples/app/_tags?digest=${DIGEST.replace(':', '%3A')}`,
      link: '</acr/v1/samples/app/_tags?last=v2>; rel="next"',
      expected: `</acr/v1/samples/app/_tags?last=v2&digest=${DIGEST.replace(':', '%3A')}>; rel="next"`,
    },
    {
      what: 'is left out when the registry links to another relation',
      path: '/acr/v1/samples/app/_tags',
      link: '</acr/v1/samples/app/_tags?last=v2>; rel="prev"',
      expected: null,
    },
    {
      what: 'is left out for one tag',
      path: TAG,
      link: '</x>; rel="help"',
      expected: null,
    },
  ])('$what', async ({ path, link, expected }) => {
    const response = await linked(link).call('GET', path, { as: 'ci' })
    expect(response.status).toBe(200)
    expect(response.headers.get('link')).toBe(expected)
  })

  it.each(['</acr/v1/samples/app/_tags>; rel="next"', 'not a link', '</x?secret=1>; rel="next"'])(
    'is a fault of the registry when it does not say where the list goes on: %s',
    async (link) => {
      const log = vi.spyOn(console, 'error').mockImplementation(() => undefined)
      const response = await linked(link).call('GET', '/acr/v1/samples/app/_tags', { as: 'ci' })
      log.mockRestore()
      expect(response.status).toBe(502)
    },
  )
})

describe("a read of Azure's metadata API", () => {
  it.each([301, 307])('passes a redirect with status %i and its Location on', async (status) => {
    const location = 'https://elsewhere.example/tags'
    const registry = () => new Response(null, { status, headers: { location } })
    const response = await createWorld({ registry }).call('GET', TAG, { as: 'ci' })
    expect(response.status).toBe(status)
    expect(response.headers.get('location')).toBe(location)
  })

  it('passes an error on, whatever its Link says', async () => {
    const registry = () => Response.json({ errors: [] }, { status: 404, headers: { link: 'not a link' } })
    const response = await createWorld({ registry }).call('GET', '/acr/v1/samples/app/_tags', { as: 'ci' })
    expect(response.status).toBe(404)
    expect(response.headers.get('link')).toBeNull()
  })
})
