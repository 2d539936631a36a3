/**
 * Hono with one small router, for the few paths that are not registry calls. The preset that `hono` exports contains three
 * routers, which would make the Worker larger.
 */
import { HonoBase } from 'hono/hono-base'
import { TrieRouter } from 'hono/router/trie-router'
import type { Env } from './env.ts'

/** A Hono app with the bindings of the Worker. */
export type Routes = HonoBase<{ Bindings: Env }>

/** An app without routes. Paths are matched strictly: `/livez/` is not `/livez`. */
export const createRoutes = (): Routes => new HonoBase<{ Bindings: Env }>({ strict: true, router: new TrieRouter() })
