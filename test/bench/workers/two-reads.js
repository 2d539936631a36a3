/** What any Worker costs that reads two values of KV before its first answer, which is a refusal, and writes a line. */
export default {
  async fetch(_request, { POLICY, SHARD }) {
    const pointer = await POLICY.get('pointer', { type: 'text', cacheTtl: 30 })
    const shard = await POLICY.get(SHARD, { type: 'arrayBuffer', cacheTtl: 86_400 })
    console.log(JSON.stringify({ kind: 'policy', length: pointer?.length }))
    console.log(JSON.stringify({ decision: 'deny', length: shard?.byteLength }))
    return Response.json({ errors: [{ code: 'DENIED', message: 'refused' }] }, { status: 403 })
  },
}
