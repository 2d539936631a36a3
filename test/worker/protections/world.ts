/** A registry in memory that a test can make fail, in front of it a gate with protections. */
import { env as bindings } from 'cloudflare:workers'
import type { Protection } from '../../../src/policy/model.ts'
import { type PrincipalKey, principalKey } from '../../../src/policy/principal.ts'
import { parseRepositoryPattern } from '../../../src/policy/repository-pattern.ts'
import type { Env } from '../../../src/worker/platform/env.ts'
import { createWorld, type World, type WorldOptions } from '../gate-world.ts'

const source = { file: 'test.yaml', line: 1, column: 1 }

export const tokenKey = (name: string): PrincipalKey => principalKey({ kind: 'token', name })

/** A quarantine of stable/*. */
export const quarantine = (releaseAfter?: number, more: Partial<Protection> = {}): Protection =>
  writeOnce({
    name: 'waits',
    writeOnce: false,
    quarantine: releaseAfter === undefined ? {} : { releaseAfter },
    ...more,
  })

/** A write-once protection of stable/*, for every tag. */
export function writeOnce(more: Partial<Protection> = {}): Protection {
  const pattern = parseRepositoryPattern('stable/*')
  if (!pattern.ok) throw new Error('stable/*')
  return {
    name: 'releases',
    repositories: [pattern.value],
    writeOnce: true,
    except: [],
    mode: 'enforce',
    source,
    ...more,
  }
}

export const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json'
export const INDEX_TYPE = 'application/vnd.oci.image.index.v1+json'

/** A manifest that differs by its text. */
export const manifestOf = (text: string): string =>
  JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST_TYPE, annotations: { text }, layers: [] })

/** An index that lists manifests. */
export const indexOf = (...digests: readonly string[]): string =>
  JSON.stringify({
    schemaVersion: 2,
    mediaType: INDEX_TYPE,
    manifests: digests.map((digest) => ({ mediaType: MANIFEST_TYPE, digest, size: 2 })),
  })

export async function digestOf(text: string, algorithm: 'sha256' | 'sha512' = 'sha256'): Promise<string> {
  const name = algorithm === 'sha256' ? 'SHA-256' : 'SHA-512'
  const hash = await crypto.subtle.digest(name, new TextEncoder().encode(text))
  return `${algorithm}:${[...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`
}

/** A registry as small as protections need: manifests by digest, and tags. */
export class MemoryRegistry {
  readonly manifests = new Map<string, string>()
  readonly tags = new Map<string, string>()
  /** Leave the digest out of answers: the header is optional. */
  strip = false
  /** Answers in place of the registry; undefined: the registry answers. */
  fault: (request: Request) => Response | undefined | Promise<Response | undefined> = () => undefined
  /** A fault after the registry has done what was asked: the answer is lost. */
  lost: (request: Request) => Response | undefined = () => undefined

  async answer(request: Request): Promise<Response> {
    const fault = await this.fault(request)
    if (fault !== undefined) return fault
    return this.apply(request)
  }

  /** Does what is asked, without {@link fault}. */
  async apply(request: Request): Promise<Response> {
    const answer = await this.#handle(request)
    return this.lost(request) ?? answer
  }

  async put(reference: string, text: string): Promise<string> {
    const digest = await digestOf(text)
    this.manifests.set(digest, text)
    if (!reference.includes(':')) this.tags.set(reference, digest)
    return digest
  }

  async #handle(request: Request): Promise<Response> {
    const url = new URL(request.url)
    const [, reference = ''] = /\/manifests\/([^/]+)$/.exec(url.pathname) ?? []
    if (url.pathname.endsWith('/tags/list')) return Response.json({ name: 'x', tags: [...this.tags.keys()].sort() })
    if (request.method === 'DELETE' && url.pathname.startsWith('/acr/v1/')) return this.#deleteAcr(url.pathname)
    if (reference === '') return new Response(null, { status: 202 })
    const digest = reference.includes(':') ? reference : (this.tags.get(reference) ?? '')
    switch (request.method) {
      case 'PUT': {
        const text = await request.text()
        const stored = await this.put(reference, text)
        for (const tag of url.searchParams.getAll('tag')) this.tags.set(tag, stored)
        return new Response(null, { status: 201, headers: { 'docker-content-digest': stored } })
      }
      case 'DELETE': {
        if (!this.manifests.has(digest)) return missing()
        if (reference === digest) {
          this.manifests.delete(digest)
          for (const [tag, named] of this.tags) if (named === digest) this.tags.delete(tag)
        } else this.tags.delete(reference)
        return new Response(null, { status: 202 })
      }
      default: {
        const text = this.manifests.get(digest)
        if (text === undefined) return missing()
        const named = this.strip ? {} : { 'docker-content-digest': digest }
        const headers = { 'content-type': MANIFEST_TYPE, ...named }
        return new Response(request.method === 'HEAD' ? null : text, { headers })
      }
    }
  }

  #deleteAcr(path: string): Response {
    const [, tag] = /\/_tags\/([^/]+)$/.exec(path) ?? []
    if (tag === undefined) this.tags.clear()
    else this.tags.delete(tag)
    return new Response(null, { status: 202 })
  }
}

const missing = (): Response => Response.json({ errors: [{ code: 'MANIFEST_UNKNOWN' }] }, { status: 404 })

export type ProtectedWorld = World & {
  readonly registry: MemoryRegistry
  /** Of the Durable Object of stable/app. */
  readonly objectName: string
  readonly push: (reference: string, text: string, as?: string) => Promise<Response>
}

let worlds = 0

/** A gate with protections in front of a registry of its own, so that no two tests share an object. */
export function protectedWorld(protections: readonly Protection[], options: WorldOptions = {}): ProtectedWorld {
  const registry = new MemoryRegistry()
  worlds++
  const origin = `https://registry-${worlds}.internal`
  const world = createWorld({
    registry: (request) => registry.answer(request),
    protections,
    env: { STATE: stateOf(bindings) },
    upstream: { origin },
    ...options,
  })
  const push = (reference: string, text: string, as = 'admin'): Promise<Response> =>
    world.call('PUT', `/v2/stable/app/manifests/${reference}`, {
      as,
      headers: { 'content-type': text.includes(INDEX_TYPE) ? INDEX_TYPE : MANIFEST_TYPE },
      body: text,
    })
  return Object.assign(world, { registry, push, objectName: `${origin} stable/app` })
}

/** The binding, as the gate uses it. */
export const stateOf = ({ STATE }: Pick<Cloudflare.Env, 'STATE'>): NonNullable<Env['STATE']> => ({
  getByName: (name) => STATE.getByName(name),
})
