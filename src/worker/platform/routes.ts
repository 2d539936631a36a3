/**
 * Hono with one small router, for the handful of paths beside registry calls. The preset that `hono` exports brings three
 * routers along, which the Worker would carry and never need.
 */
import { HonoBase } from 'hono/hono-base'
import { TrieRouter } from 'hono/router/trie-router'
import type { Env } from './env.ts'

export type Routes = HonoBase<{ Bindings: Env }>

export const createRoutes = (): Routes => new HonoBase<{ Bindings: Env }>({ strict: true, router: new TrieRouter() })
