/** The least that a Worker in front of a registry can do: send the request on, send the answer back. */
export default {
  fetch(request, env) {
    const { pathname, search } = new URL(request.url)
    const to = new Request(env.UPSTREAM + pathname + search, request)
    return env.REGISTRY === undefined ? fetch(to) : env.REGISTRY.fetch(to)
  },
}
