/**
 * The shell: every path except registry calls, which go to the gate as raw requests and never reach this router. What
 * no route names is 404 here, whatever its spelling; nothing in this file forwards anything.
 */
import { unknownOperation } from '../registry/refusal.ts'
import { requestId } from './answers/audit.ts'
import { INERT_HEADERS } from './answers/headers.ts'
import { answerTo, type Refusal } from './answers/refusal.ts'
import { policyEnv } from './hosts/select.ts'
import { Fault, logFault } from './platform/fault.ts'
import { createRoutes, type Routes } from './platform/routes.ts'

/** Makes the shell with the given routes. */
export function createApp(...routes: readonly Routes[]): Routes {
  const app: Routes = createRoutes()
  app.use(async (c, next) => {
    // A gate may have a policy for each of its hosts. It is alive whatever its settings say.
    if (c.req.path !== '/livez') c.env = policyEnv(c.env, c.req.url) ?? c.env
    await next()
    if (!c.res.headers.has('cache-control')) c.res.headers.set('cache-control', 'private, no-store')
    for (const [name, value] of Object.entries(INERT_HEADERS)) c.res.headers.set(name, value)
  })
  for (const route of routes) app.route('/', route)
  app.notFound((c) => refuse(c.req.raw, { code: 'not_a_registry_request', error: unknownOperation(c.req.raw.method) }))
  app.onError((error, c) => {
    logFault(error, requestId(c.req.raw.headers, c.env))
    return refuse(c.req.raw, { code: error instanceof Fault ? error.code : 'internal_error' })
  })
  return app
}

const refuse = ({ method }: Request, refusal: Refusal): Response =>
  answerTo(refusal, { method, realm: '', authenticated: false, presented: false })
