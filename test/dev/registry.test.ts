/** The development registry: the conformance suite, and what the spec leaves to the registry. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { type ClientRequest, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Registry, type RegistryOptions, type RequestRecord, startRegistry } from '../../dev/registry/server.ts'
import {
  bytesOf,
  Client,
  image,
  jsonOf,
  locationOf,
  OCI_CONFIG,
  OCI_INDEX,
  randomContent,
} from './conformance/client.ts'
import { registryConformance } from './conformance.ts'

let directory = ''
let registry: Registry
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'registry-'))
  registry = await startRegistry({ directory })
})
afterAll(async () => {
  await registry.close()
  await rm(directory, { recursive: true })
})

registryConformance('development registry', () => ({ url: registry.url }))

/** Registries that end with the test. */
const running: Registry[] = []
const folders: string[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.close()))
  await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true })))
})
const folder = async () => {
  const path = await mkdtemp(join(tmpdir(), 'registry-'))
  folders.push(path)
  return path
}
const start = async (options: Partial<RegistryOptions> = {}) => {
  const one = await startRegistry({ directory: options.directory ?? (await folder()), ...options })
  running.push(one)
  return one
}
const clientOf = (one: { url: string }, headers: Record<string, string> = {}) => new Client({ url: one.url, headers })

/** A request whose target is sent exactly as written. */
const raw = (url: string, method: string, path: string): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    request(url, { method, path }, (response) => {
      response.resume().once('end', () => resolve(response.statusCode))
    })
      .once('error', reject)
      .end()
  })

describe('raw paths', () => {
  it.each([
    '/v2/a/../b/tags/list',
    '/v2/./a/tags/list',
    '/v2//a/tags/list',
    '/v2/a//tags/list',
    '/v2/a%2fb/tags/list',
    '/v2/%61/tags/list',
    '/v2/a/manifests/%76%31',
    '/v2/a/tags/list/',
    '/v2/a/tags/list%3fn=1',
    '/v2/a/tags/list;n=1',
    '/v2/a/blobs/uploads',
    '/v2/a\\b/tags/list',
    '/v2/a,b/tags/list',
    '/v2',
    '/v2/_catalog/',
    '//v2/',
    '/',
    'http://other.example/v2/',
  ])('%s names nothing', async (path) => {
    const name = 'a'
    if (!(await readdir(join(directory, 'repositories'))).includes(name)) await clientOf(registry).pushImage(name, 'v1')
    expect([400, 404]).toContain(await raw(registry.url, 'GET', path))
  })

  it('a name may hold the words of the API', async () => {
    for (const name of ['tags/list', 'blobs/uploads', 'x/manifests/y', 'x/blobs/uploads/y', 'referrers', 'v2/v2']) {
      const { digest } = await clientOf(registry).pushImage(name, 'v1')
      const pulled = await clientOf(registry).getManifest(name, 'v1')
      expect(pulled.headers.get('Docker-Content-Digest')).toBe(digest)
    }
  })

  it('a repository and one below it do not meet', async () => {
    const client = clientOf(registry)
    const inner = await client.pushImage('nested/blobs/tags', 'v1')
    expect((await client.getManifest('nested/blobs', 'v1')).status).toBe(404)
    expect((await client.getManifest('nested', 'v1')).status).toBe(404)
    expect((await client.getManifest('nested/blobs/tags', 'v1')).headers.get('ETag')).toBe(`"${inner.digest}"`)
  })
})

describe('authorization', () => {
  const authorization = `Basic ${Buffer.from('gate:secret').toString('base64')}`

  it('every request without exactly that value is 401 with a challenge', async () => {
    const one = await start({ authorization })
    for (const headers of [
      {},
      { Authorization: 'Basic' },
      { Authorization: `${authorization}x` },
      { Authorization: authorization.toLowerCase() },
      { Authorization: `Bearer ${authorization.slice(6)}` },
      { Authorization: `${authorization}, ${authorization}` },
    ]) {
      for (const path of ['/v2/', '/v2/a/tags/list', '/nothing']) {
        const response = await clientOf(one, headers).call('GET', path)
        expect(response.status).toBe(401)
        expect(response.headers.get('WWW-Authenticate')).toMatch(/^Basic realm="[^"]+"$/)
        expect(await jsonOf(response)).toMatchObject({ errors: [{ code: 'UNAUTHORIZED' }] })
      }
    }
  })

  it('a refused push stores nothing', async () => {
    const path = await folder()
    const one = await start({ authorization, directory: path })
    const { bytes, digest } = randomContent()
    const response = await clientOf(one).call('POST', `/v2/a/blobs/uploads/?digest=${digest}`, { body: bytes })
    expect(response.status).toBe(401)
    expect(await readdir(path)).toEqual(['drafts'])
  })

  it('requests with it are answered, and a Bearer value is challenged as Bearer', async () => {
    const basic = await start({ authorization })
    await clientOf(basic, { Authorization: authorization }).pushImage('a', 'v1')
    const bearer = await start({ authorization: 'Bearer token' })
    const challenge = (await clientOf(bearer).call('GET', '/v2/')).headers.get('WWW-Authenticate')
    expect(challenge).toMatch(/^Bearer realm=/)
    expect((await clientOf(bearer, { Authorization: 'Bearer token' }).call('GET', '/v2/')).status).toBe(200)
  })
})

describe('restart', () => {
  it('keeps manifests, tags with their letter case, blobs, referrers and open uploads', async () => {
    const path = await folder()
    const first = await startRegistry({ directory: path })
    const client = clientOf(first)
    const manifest = await client.pushImage('team/app', 'Latest')
    const other = await client.pushImage('team/app', 'latest')
    const referrer = await client.pushImage('team/app', undefined, { subject: manifest.descriptor })
    const blob = randomContent(2000)
    const upload = new URL(await client.open('team/app')).pathname
    await client.patch(upload, 0, blob.bytes.subarray(0, 1500))
    await first.close()

    const again = clientOf(await start({ directory: path }))
    expect(await bytesOf(await again.getManifest('team/app', 'Latest'))).toEqual(manifest.bytes)
    expect(await bytesOf(await again.getManifest('team/app', 'latest'))).toEqual(other.bytes)
    expect(await jsonOf(await again.call('GET', '/v2/team/app/tags/list'))).toEqual({
      name: 'team/app',
      tags: ['Latest', 'latest'],
    })
    expect(await jsonOf(await again.call('GET', '/v2/_catalog'))).toEqual({ repositories: ['team/app'] })
    const referrers = await again.call('GET', `/v2/team/app/referrers/${manifest.digest}`)
    expect(referrers.headers.get('Content-Type')).toBe(OCI_INDEX)
    expect((await jsonOf(referrers)).manifests).toMatchObject([{ digest: referrer.digest }])
    expect((await again.call('GET', upload)).headers.get('Range')).toBe('0-1499')
    expect((await again.patch(upload, 1500, blob.bytes.subarray(1500))).status).toBe(202)
    expect((await again.close(upload, blob.digest)).status).toBe(201)
  })

  it('an upload whose connection broke goes on from the bytes that arrived', async () => {
    const path = await folder()
    const client = clientOf(await start({ directory: path }))
    const blob = randomContent(100_000)
    const location = await client.open('a')
    const file = join(path, 'uploads', 'a', location.split('/').at(-1) ?? '')
    const broken = await new Promise<ClientRequest>((resolve) => {
      const patch = request(location, { method: 'PATCH', headers: { 'Content-Length': blob.bytes.length } })
      patch.on('error', () => {})
      patch.write(blob.bytes.subarray(0, 60_000), () => resolve(patch))
    })
    await expect.poll(async () => (await stat(file)).size).toBe(60_000)
    broken.destroy()
    const progress = await client.call('GET', location)
    expect(progress.headers.get('Range')).toBe('0-59999')
    expect((await client.patch(location, 60_000, blob.bytes.subarray(60_000))).status).toBe(202)
    expect((await client.close(location, blob.digest)).status).toBe(201)
  })
})

describe('space', () => {
  it('is free again when the last repository has deleted a blob, and nothing else stays behind', async () => {
    const path = await folder()
    const client = clientOf(await start({ directory: path }))
    const { digest } = await client.pushBlob('a', randomContent())
    expect((await client.call('POST', `/v2/b/blobs/uploads/?mount=${digest}&from=a`)).status).toBe(201)
    expect((await client.close(await client.open('a'), digest, { body: randomContent().bytes })).status).toBe(400)
    for (const name of ['a', 'b']) expect((await client.call('DELETE', `/v2/${name}/blobs/${digest}`)).status).toBe(202)
    const files = (await readdir(path, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile())
    expect(files.map((file) => file.name)).toEqual([])
  })

  it('a manifest that was deleted leaves no file', async () => {
    const path = await folder()
    const client = clientOf(await start({ directory: path }))
    const config = await client.pushBlob('a', randomContent(64, OCI_CONFIG))
    const manifest = image(config, [], { subject: randomContent(9).descriptor })
    await client.pushManifest('a', 'v1', manifest)
    expect((await client.call('DELETE', `/v2/a/manifests/${manifest.digest}`)).status).toBe(202)
    const files = (await readdir(path, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile())
    expect(files.map((file) => file.name)).toEqual([config.digest.replace(':', '-')])
  })
})

describe('concurrency', () => {
  it('many pushes to one tag leave one of them, whole', async () => {
    const client = clientOf(await start())
    const pushed = await Promise.all(Array.from({ length: 24 }, () => client.pushImage('a', 'latest')))
    const response = await client.getManifest('a', 'latest')
    const winner = pushed.find(({ digest }) => digest === response.headers.get('Docker-Content-Digest'))
    expect(await bytesOf(response)).toEqual(winner?.bytes)
    for (const { digest } of pushed) expect((await client.getManifest('a', digest)).status).toBe(200)
  })

  it('one blob pushed many times at once is stored once and whole', async () => {
    const client = clientOf(await start())
    const blob = randomContent(300_000)
    await Promise.all(Array.from({ length: 12 }, () => client.pushBlob('a', blob)))
    expect(await bytesOf(await client.getBlob('a', blob.digest))).toEqual(blob.bytes)
  })

  it('of two chunks for one place of an upload, one is 416', async () => {
    const client = clientOf(await start())
    const { bytes, digest } = randomContent(200_000)
    const location = await client.open('a')
    const answers = await Promise.all([client.patch(location, 0, bytes), client.patch(location, 0, bytes)])
    expect(answers.map((answer) => answer.status).sort()).toEqual([202, 416])
    expect((await client.close(location, digest)).status).toBe(201)
  })

  it('tags pushed while manifests are deleted never point to nothing', async () => {
    const client = clientOf(await start())
    const manifests = await Promise.all(Array.from({ length: 10 }, () => client.pushImage('a')))
    await Promise.all(
      manifests.flatMap((manifest, at) => [
        client.call('DELETE', `/v2/a/manifests/${manifest.digest}`),
        client.putManifest('a', `v${at}`, manifest),
      ]),
    )
    const { tags } = await jsonOf(await client.call('GET', '/v2/a/tags/list'))
    for (const tag of tags) expect((await client.getManifest('a', tag)).status).toBe(200)
  })
})

describe('onRequest', () => {
  it('is told of every request once, with its target as received and its status', async () => {
    const records: RequestRecord[] = []
    const one = await start({ onRequest: (record) => records.push(record) })
    await (await clientOf(one).call('GET', '/v2/')).text()
    await raw(one.url, 'GET', '/v2/a/../b/tags/list?n=1')
    await raw(one.url, 'BREW', '/v2/')
    await expect.poll(() => records).toHaveLength(2)
    expect(records).toEqual([
      { method: 'GET', url: '/v2/', status: 200 },
      { method: 'GET', url: '/v2/a/../b/tags/list?n=1', status: 400 },
    ])
  })
})

describe('as a command', () => {
  const MIB = 1024 * 1024
  const MAIN = join(import.meta.dirname, '../../dev/registry/main.ts')
  const children: ChildProcess[] = []
  afterEach(async () => {
    await Promise.all(
      children.splice(0).map((child) => {
        if (child.exitCode !== null) return undefined
        const exited = new Promise((resolve) => child.once('exit', resolve))
        child.kill()
        return exited
      }),
    )
  })
  const spawnRegistry = async (...options: string[]) => {
    const child = spawn(process.execPath, [MAIN, ...options], { stdio: ['ignore', 'pipe', 'inherit'] })
    children.push(child)
    for await (const line of createInterface({ input: child.stdout })) {
      const [, url] = /^ready (http:\/\/127\.0\.0\.1:\d+)$/.exec(line) ?? []
      if (url !== undefined) return { url, pid: child.pid }
    }
    throw new Error('the registry ended before it was ready')
  }

  it.skipIf(!existsSync('/proc/self/status'))(
    'a large blob passes both ways in the memory of a smaller one',
    async () => {
      const { url, pid } = await spawnRegistry('--directory', await folder())
      const peakKib = async () => Number(/VmHWM:\s+(\d+) kB/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1])
      const client = clientOf({ url })
      const transfer = async (size: number) => {
        const [bytes, hash] = [randomContent(MIB).bytes, createHash('sha256')]
        const chunks = function* () {
          for (let sent = 0; sent < size; sent += MIB) {
            hash.update(bytes)
            yield bytes
          }
        }
        const location = await client.open('large')
        const pushed = await client.call('PATCH', location, { body: Readable.toWeb(Readable.from(chunks())) })
        expect(pushed.status).toBe(202)
        const digest = `sha256:${hash.digest('hex')}`
        const closed = await client.close(locationOf(pushed), digest)
        expect(closed.status).toBe(201)
        const pulled = await client.call('GET', locationOf(closed))
        expect(pulled.headers.get('Content-Length')).toBe(`${size}`)
        if (pulled.body === null) throw new Error('no body')
        const received = createHash('sha256')
        await pipeline(Readable.fromWeb(pulled.body), received)
        expect(`sha256:${received.digest('hex')}`).toBe(digest)
      }
      // The first fills what the garbage collector lets lie.
      await transfer(64 * MIB)
      const beforeKib = await peakKib()
      await transfer(256 * MIB)
      expect((await peakKib()) - beforeKib).toBeLessThan(64 * 1024)
    },
    120_000,
  )

  it.each([[[]], [['--directory']], [['--directory', 'x', '--port', '70000']], [['--directory', 'x', '--unknown']]])(
    'wrong use %j is status 2',
    async (options) => {
      const child = spawn(process.execPath, [MAIN, ...options], { stdio: 'ignore' })
      children.push(child)
      expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(2)
    },
  )
})
