/** The Worker of `dockgate dev`, never deployed: the gate, and a page for a person who opens its address in a browser. */
import { requestOrigin, requestTarget } from '../registry/parse.ts'
import { hasHost } from './gate.ts'
import gate from './index.ts'
import type { Env } from './platform/env.ts'

export { RepositoryState } from './protections/state/repository-state.ts'

export default {
  fetch(request, env, ctx) {
    const { url, method } = request
    const isRead = method === 'GET' || method === 'HEAD'
    const isBrowser = request.headers.get('accept')?.includes('text/html') === true
    const isPage = isBrowser && isRead && requestTarget(url) === '/' && hasHost(request.headers, url)
    return isPage ? page(requestOrigin(url), method) : gate.fetch(request, env, ctx)
  },
} satisfies ExportedHandler<Env>

function page(origin: string, method: string): Response {
  const host = origin.replace(/^https?:\/\//, '')
  const text = `This is a Dockgate gate for development. It guards a container registry: clients log in and push here.

  docker login ${host}       log in as a token; commands with passwords are in the terminal of dockgate dev
  ${origin}/readyz    the policy in force

Each request is one line in that terminal. A policy file that you change is in force a second or two later.
`
  return new Response(method === 'HEAD' ? null : text, {
    headers: {
      'content-type': 'text/plain; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    },
  })
}
