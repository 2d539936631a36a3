/** Stores in a folder and in a registry: what `push`, `rollback`, `status` and `prune` do there, and how they refuse. */
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { formatArtifact, parseArtifactPlace, readArtifact } from '../../src/bundle/policy-artifact.ts'
import { artifactKv } from '../../src/cli/bundles/artifact-kv.ts'
import { directoryKv } from '../../src/cli/bundles/directory-kv.ts'
import { generateKeys, KEY_FILES, writeKeys } from '../../src/cli/keys/key-files.ts'
import { outcome, outcomeOf } from './outcome.ts'

const POLICY = 'registry: { service: registry.acme.dev }\ntokens:\n  ci: { scopeMap: _repositories_push }\n'
const HINT = 'look at the address, and at STORE_USERNAME and STORE_PASSWORD'

let root: string
let written = ''

/** A registry in memory that answers what a test says. */
class FakeRegistry {
  readonly blobs = new Map<string, string>()
  manifest: string | undefined
  readonly seen: string[] = []
  readonly authorizations = new Set<string>()
  /** Answers in place of the registry. */
  fault: (line: string) => readonly [status: number, body: string, headers?: Record<string, string>] | undefined = () =>
    undefined
  readonly server: Server = createServer(async (request, response) => {
    const line = `${request.method} ${request.url}`
    this.seen.push(line)
    if (request.headers.authorization !== undefined) this.authorizations.add(request.headers.authorization)
    const body = await textOf(request)
    const [status, text, headers] = this.fault(line) ?? this.#answer(request.method ?? '', request.url ?? '', body)
    response.writeHead(status, headers)
    response.end(request.method === 'HEAD' ? undefined : text)
  })

  #answer(method: string, url: string, body: string): readonly [number, string, Record<string, string>?] {
    const [path = '', query] = url.split('?')
    if (path === '/v2/') return [200, '{}']
    if (path.endsWith('/manifests/live')) {
      if (method === 'PUT') this.manifest = body
      if (method === 'PUT') return [201, '']
      return this.manifest === undefined ? [404, ''] : [200, this.manifest]
    }
    if (method === 'POST') return [202, '', { location: `${path}session?state=1` }]
    if (method === 'PUT') {
      this.blobs.set(new URLSearchParams(query).get('digest') ?? '', body)
      return [201, '']
    }
    const blob = this.blobs.get(path.split('/').at(-1) ?? '')
    return blob === undefined ? [404, ''] : [200, blob]
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  return text
}

let registry: FakeRegistry
let host: string

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'dockgate-stores-'))
  await writeKeys(join(root, 'keys'), await generateKeys('EdDSA'))
})
afterAll(() => rm(root, { recursive: true }))
beforeEach(async () => {
  written = ''
  await rm(join(root, 'policies'), { recursive: true, force: true })
  await mkdir(join(root, 'policies'))
  await writeFile(join(root, 'policies/p.yaml'), POLICY)
  registry = new FakeRegistry()
  await new Promise<void>((resolve) => registry.server.listen(0, '127.0.0.1', resolve))
  host = `127.0.0.1:${(registry.server.address() as AddressInfo).port}`
  for (const name of ['DOCKGATE_SIGNING_KEY', 'POLICY_PUBLIC_KEYS', 'STORE_USERNAME', 'STORE_PASSWORD', 'UPSTREAM']) {
    vi.stubEnv(name, '')
  }
  vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    written += String(text)
    return true
  })
})
afterEach(() => {
  registry.server.close()
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
  process.exitCode = undefined
})

const KEY = () => join(root, 'keys', KEY_FILES.policySigningKey)
const shown = (text: string): string => text.replaceAll(root, 'DIR').replaceAll(host, 'HOST')
const run = async (line: string): Promise<string> =>
  shown(await outcome(line.replaceAll('KEY', KEY()).replaceAll('DIR', root).replaceAll('HOST', host).split(' ')))

const STORES = ['dir:DIR/store', 'oci://HOST/policy/gate:live']

describe.each(STORES)('a store of %s', (store) => {
  beforeEach(() => rm(join(root, 'store'), { recursive: true, force: true }))

  it('takes what is pushed, goes back, says what it holds, and forgets what nothing uses', async () => {
    const push = `push --store ${store} --policies DIR/policies --key KEY --json`
    const json = async (line: string) => {
      written = ''
      expect(await run(line)).toBe('no error')
      return JSON.parse(written)
    }
    const first = await json(push)
    expect(first).toMatchObject({ dryRun: false, shards: { total: 1, uploaded: 1 } })
    await writeFile(join(root, 'policies/p.yaml'), POLICY.replace('_push', '_pull'))
    const second = await json(push)
    expect(second).toMatchObject({ previousSerial: first.serial, changed: true })
    expect(await json(`${push} --dry-run`)).toMatchObject({ changed: false, rights: { changed: false } })
    expect(await json(`rollback --store ${store} --key KEY --json`)).toMatchObject({ rollbackOf: first.serial })
    const status = await json(`status --store ${store} --key KEY --json`)
    expect(status).toMatchObject({ rollbackOf: first.serial, history: [status.serial, second.serial, first.serial] })
    expect(await json(`prune --store ${store} --keep 0 --json`)).toMatchObject({ bundles: { removed: 0, kept: 3 } })
  })

  it('is empty at first', async () => {
    expect(await run(`status --store ${store} --key KEY`)).toContain("has no bundle under 'pointer'")
    expect(await run(`rollback --store ${store} --key KEY`)).toContain('has no bundle yet')
  })
})

describe('a folder', () => {
  it('never holds half a value, and no temporary file at the end', async () => {
    const folder = join(root, 'atomic')
    const kv = directoryKv(folder)
    const values = ['a'.repeat(2_000_000), 'b'.repeat(2_000_000)]
    await kv.put('pointer', values[0] ?? '')
    let isWriting = true
    const reading = (async () => {
      while (isWriting) expect(values).toContain(await readFile(join(folder, 'pointer'), 'utf8'))
    })()
    for (let round = 0; round < 20; round++) await kv.put('pointer', values[round % 2] ?? '')
    isWriting = false
    await reading
    expect(await readdir(folder)).toEqual(['pointer'])
  })

  it('lists keys, and not what else lies there', async () => {
    const folder = join(root, 'listed')
    const kv = directoryKv(folder)
    await kv.putAll([
      { key: 'pointer', value: '1' },
      { key: 'pointer:7', value: '2' },
    ])
    await writeFile(join(folder, '.hidden'), '')
    await writeFile(join(folder, 'a file'), '')
    expect([...(await kv.list(''))].sort()).toEqual(['pointer', 'pointer:7'])
    await kv.deleteAll(['pointer:7', 'none'])
    expect(await kv.list('pointer:')).toEqual([])
  })

  it.each(['../pointer', '.pointer', 'a/b', ''])('has no key %j', async (key) => {
    expect(await outcomeOf(directoryKv(join(root, 'keys-of')).put(key, ''))).toEqual(
      `exit 2: '${key}' cannot be the name of a file in a store (name a pointer of letters, digits, dots, colons and dashes)`,
    )
  })

  it('that cannot be one is said to be so', async () => {
    await writeFile(join(root, 'a-file'), '')
    expect(await run('status --store dir:DIR/a-file --key KEY')).toEqual(
      "exit 3: the store in DIR/a-file cannot be used: EEXIST: file already exists, mkdir 'DIR/a-file'",
    )
  })
})

describe('an artifact', () => {
  const STORE = 'oci://HOST/policy/gate:live'
  const push = `push --store ${STORE} --policies DIR/policies --key KEY`

  it('is one of the type of a policy, whose shards are blobs under their own digests', async () => {
    expect(await run(push)).toBe('no error')
    const manifest = JSON.parse(registry.manifest ?? '')
    expect(manifest).toMatchObject({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      artifactType: 'application/vnd.dockgate.policy.v1',
      config: { mediaType: 'application/vnd.oci.empty.v1+json', size: 2 },
    })
    expect(manifest.layers.map(({ mediaType }: { mediaType: string }) => mediaType)).toEqual([
      'application/vnd.dockgate.policy.pointer.v1',
      'application/vnd.dockgate.policy.pointer.v1',
      'application/vnd.dockgate.policy.shard.v1',
    ])
    for (const [digest, text] of registry.blobs) {
      expect(digest).toBe(`sha256:${createHash('sha256').update(text).digest('hex')}`)
    }
    expect(registry.seen.at(-1)).toBe('PUT /v2/policy/gate/manifests/live')
  })

  it('is never overwritten where it is something else', async () => {
    registry.manifest = '{"schemaVersion":2}'
    expect(await run(push)).toEqual(
      'exit 1: oci://HOST/policy/gate:live is something else than a policy: it is not overwritten (name another tag or repository)',
    )
    expect(registry.manifest).toBe('{"schemaVersion":2}')
  })

  it('that somebody else has changed meanwhile is not overwritten', async () => {
    expect(await run(push)).toBe('no error')
    const before = registry.manifest ?? ''
    let reads = 0
    registry.fault = (line) => {
      if (line !== 'GET /v2/policy/gate/manifests/live') return undefined
      reads++
      return reads === 2 ? [200, `${before} `] : undefined
    }
    expect(await run(push)).toEqual(
      'exit 3: somebody else has changed oci://HOST/policy/gate:live in the meantime (try again)',
    )
    expect(registry.manifest).toBe(before)
  })

  it('of other bytes than its digest says is refused', async () => {
    expect(await run(push)).toBe('no error')
    const pointer = readArtifact(registry.manifest ?? '')?.find(({ key }) => key === 'pointer')
    registry.fault = (line) =>
      line.includes(`GET /v2/policy/gate/blobs/${pointer?.digest}`) ? [200, 'other'] : undefined
    expect(await run(`status --store ${STORE} --key KEY`)).toEqual(
      `exit 3: oci://HOST/policy/gate:live gave other bytes than those of ${pointer?.digest}`,
    )
  })

  it.each([
    ['POST', 500, 'starting an upload'],
    ['PUT /v2/policy/gate/blobs', 507, 'uploading a value'],
    ['PUT /v2/policy/gate/manifests', 400, 'pushing the manifest'],
    ['GET /v2/policy/gate/manifests', 418, 'reading the manifest'],
  ])('that the registry does not take is said: %s', async (start, status, doing) => {
    registry.fault = (line) => (line.startsWith(start) ? [status, ''] : undefined)
    expect(await run(push)).toEqual(`exit 3: oci://HOST/policy/gate:live answered ${status} while ${doing} (${HINT})`)
  })

  it('whose registry does not answer, or takes no credential, is said', async () => {
    registry.fault = () => [401, '', { 'www-authenticate': 'Basic realm="x"' }]
    vi.stubEnv('STORE_USERNAME', 'gate')
    vi.stubEnv('STORE_PASSWORD', 'not-the-password')
    const refused = await run(`status --store ${STORE} --key KEY`)
    expect(refused).toEqual(
      `exit 3: oci://HOST/policy/gate:live cannot be used: the registry does not accept the gate's own credential for pullManifest on policy/gate: check it, and that its account may do that there (${HINT})`,
    )
    expect(refused).not.toContain('not-the-password')
    vi.stubEnv('STORE_USERNAME', '')
    expect(await run(`status --store ${STORE} --key KEY`)).toEqual(
      `exit 2: the credential for oci://HOST/policy/gate:live cannot be used: the credential for the upstream is wrong: there is a password without a user name (${HINT})`,
    )
  })

  it.each([
    ['STORE_USERNAME and STORE_PASSWORD', { STORE_USERNAME: 'own', STORE_PASSWORD: 'secret' }, 'own:secret'],
    [
      "the upstream's, on the same host",
      { UPSTREAM: 'http://HOST', UPSTREAM_USERNAME: 'up', UPSTREAM_PASSWORD: 's' },
      'up:s',
    ],
    ['none, on another host', { UPSTREAM: 'http://other', UPSTREAM_USERNAME: 'up', UPSTREAM_PASSWORD: 's' }, undefined],
  ])('is asked for with %s', async (_, variables, credential) => {
    for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value.replace('HOST', host))
    registry.fault = (line) => (line === 'GET /v2/' ? [401, '', { 'www-authenticate': 'Basic realm="x"' }] : undefined)
    await run(push)
    const expected = credential === undefined ? [] : [`Basic ${Buffer.from(credential).toString('base64')}`]
    expect([...registry.authorizations]).toEqual(expected)
  })
})

describe('the place of an artifact', () => {
  it.each([
    ['oci://registry.example.com/policy', 'https://registry.example.com policy latest'],
    ['oci://registry.example.com:8443/a/b:live', 'https://registry.example.com:8443 a/b live'],
    ['oci://127.0.0.1:5000/a:v1', 'http://127.0.0.1:5000 a v1'],
    ['oci://localhost/a', 'http://localhost a latest'],
    ['oci://[::1]:5000/a', 'http://[::1]:5000 a latest'],
  ])('%s', (text, expected) => {
    const place = parseArtifactPlace(text)
    expect(place.ok && `${place.value.origin} ${place.value.repository} ${place.value.tag}`).toBe(expected)
  })

  it.each([
    ...[
      '',
      'oci://',
      'oci://host',
      'oci:///a',
      'http://host/a',
      'oci://user:p@host/a',
      'oci://host/A',
      'oci://host/a:',
    ],
    ...[
      'oci://host/a:b:c',
      'oci://host/a@sha256:b',
      'oci://host/a?x',
      'oci://ho st/a',
      'oci://host/a/',
      'dir:',
      'file:x',
    ],
  ])('is not %j', (text) => {
    expect(parseArtifactPlace(text).ok).toBe(false)
  })

  it.each(['dir:', 'oci://host', 's3://bucket', 'policy-store'])('a store is not %s', async (store) => {
    expect(await run(`prune --store ${store}`)).toEqual(
      `exit 2: '${store}' is not a store (write kv, dir:PATH or oci://HOST/REPOSITORY:TAG)`,
    )
  })

  it.each(['--local', '--remote'])('a store does not go with %s', async (option) => {
    expect(await run(`prune --store dir:x ${option}`)).toEqual(
      'exit 2: --store does not go with --local and --remote (keep one of them)',
    )
  })
})

describe('the manifest of an artifact', () => {
  const digest = `sha256:${'a'.repeat(64)}`
  it('is read as it is written', () => {
    const layers = readArtifact(
      formatArtifact([
        { key: 'pointer', digest: digest as never, size: 3 },
        { digest: digest as never, size: 4 },
      ]),
    )
    expect(layers).toEqual([
      { key: 'pointer', digest, size: 3 },
      { digest, size: 4 },
    ])
  })

  it.each(['', '[]', 'null', '{"layers":[]}', '{"artifactType":"application/vnd.dockgate.policy.v1"}'])(
    'is not %j',
    (text) => {
      expect(readArtifact(text)).toBeUndefined()
    },
  )

  it('has no other layers', () => {
    const artifactType = 'application/vnd.dockgate.policy.v1'
    const pointer = 'application/vnd.dockgate.policy.pointer.v1'
    const layers = [
      ...[
        1,
        { digest, size: 1 },
        { mediaType: pointer, digest, size: 1 },
        { mediaType: pointer, digest: 'x', size: 1 },
      ],
      { mediaType: pointer, digest, size: 1, annotations: { 'org.opencontainers.image.title': 7 } },
    ]
    expect(readArtifact(JSON.stringify({ artifactType, layers }))).toEqual([])
  })

  it('of the development registry is read back', async () => {
    const kv = artifactKv({ origin: `http://${host}`, repository: 'p' as never, tag: 'live' as never })
    await kv.putAll([{ key: 'a', value: '1' }])
    await kv.close()
    const again = artifactKv({ origin: `http://${host}`, repository: 'p' as never, tag: 'live' as never })
    expect(await again.getAll(['a', 'b'])).toEqual(new Map([['a', '1']]))
  })
})
