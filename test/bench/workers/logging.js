/** The plain pass-through, with a line for each request on the log as the gate writes one: what the line itself costs. */
export default {
  async fetch(request, env) {
    const { pathname, search } = new URL(request.url)
    const to = new Request(env.UPSTREAM + pathname + search, request)
    const answer = await (env.REGISTRY === undefined ? fetch(to) : env.REGISTRY.fetch(to))
    console.log(
      JSON.stringify({
        time: new Date().toISOString(),
        id: crypto.randomUUID(),
        principal: 'token:token-0',
        operation: 'pullManifest',
        permission: 'content/read',
        repository: pathname,
        reference: 'latest',
        decision: 'allow',
        rule: 'scopeMap map-0',
        bundle: 1,
        status: answer.status,
        ms: 1,
      }),
    )
    return answer
  },
}
