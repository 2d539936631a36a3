/**
 * Hono with an exact router, for the few paths that are not registry calls: no path of them has a parameter. The routers of
 * Hono would make the Worker 2 KiB larger, and some of them ignore a slash at the end.
 */
import { HonoBase } from 'hono/hono-base'
import type { Result, Router } from 'hono/router'
import type { Env } from './env.ts'

/** A Hono app with the bindings of the Worker. */
export type Routes = HonoBase<{ Bindings: Env }>

/** Matches a path that is equal to that of a route; `*` and `/*` are every path, as for middleware. */
class ExactRouter<T> implements Router<T> {
  readonly name = 'ExactRouter'
  readonly #routes: { readonly method: string; readonly path: string; readonly handler: T }[] = []

  add(method: string, path: string, handler: T): void {
    this.#routes.push({ method, path, handler })
  }

  match(method: string, path: string): Result<T> {
    const found = this.#routes.filter(
      (route) =>
        (route.method === 'ALL' || route.method === method) && (/^\/?\*$/.test(route.path) || route.path === path),
    )
    return [found.map(({ handler }) => [handler, {}])]
  }
}

/** An app without routes. Paths are matched exactly: `/livez/` is not `/livez`. */
export const createRoutes = (): Routes => new HonoBase<{ Bindings: Env }>({ strict: true, router: new ExactRouter() })
