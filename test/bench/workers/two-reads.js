/** What any Worker costs that reads two values of KV before its first answer. */
export default {
  async fetch(_request, { POLICY, SHARD }) {
    const pointer = await POLICY.get('pointer', { type: 'text', cacheTtl: 30 })
    const shard = await POLICY.get(SHARD, { type: 'arrayBuffer', cacheTtl: 86_400 })
    return new Response(`${pointer?.length} ${shard?.byteLength}`)
  },
}
