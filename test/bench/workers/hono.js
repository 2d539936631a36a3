/** The same as it is written with Hono. */
import { Hono } from 'hono'

const app = new Hono()
app.all('/v2/*', (c) => {
  const { pathname, search } = new URL(c.req.url)
  const to = new Request(c.env.UPSTREAM + pathname + search, c.req.raw)
  return c.env.REGISTRY === undefined ? fetch(to) : c.env.REGISTRY.fetch(to)
})

export default app
