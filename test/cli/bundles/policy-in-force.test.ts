import { beforeEach, describe, expect, it } from 'vitest'
import { type BulkKv, namespaceKv } from '../../../src/cli/bundles/kv.ts'
import { policyInForce } from '../../../src/cli/bundles/policy-in-force.ts'
import { publish } from '../../../src/cli/bundles/publish.ts'
import type { CompiledPolicy } from '../../../src/policy/decide/compiled.ts'
import { COMMON, keyOf, manyTokens, NOW, newKey, policyOf, reader } from '../../bundle/fixture.ts'

const key = await newKey()
const big = manyTokens(2000, 200)
const bigChanged: CompiledPolicy = {
  ...big,
  principals: new Map([...big.principals].map(([name, data]) => [name, name === 'token:t7' ? reader('other') : data])),
}

let values: Map<string, string>
let reads: string[]
let kv: BulkKv

beforeEach(() => {
  values = new Map()
  reads = []
  kv = namespaceKv(
    {
      get: async (name) => {
        reads.push(name.replace(/^sha256:.*/, 'shard'))
        return values.get(name) ?? null
      },
      put: async (name, value) => {
        values.set(name, value)
      },
      delete: async (name) => {
        values.delete(name)
      },
      list: async ({ prefix }) => {
        const keys = [...values.keys()].filter((name) => name.startsWith(prefix)).map((name) => ({ name }))
        return { keys, list_complete: true }
      },
    },
    'memory',
  )
})

const push = (policy: CompiledPolicy) => publish({ policy, kv, key: key.signing, now: NOW })
const inForce = (newer: CompiledPolicy) => {
  reads = []
  return policyInForce(kv, 'pointer', key.signing.accepted, newer)
}

describe('the policy in force', () => {
  it.each([
    ['the same', big, 0],
    ['one change', bigChanged, 1],
  ])('is read as it was pushed, by the shards that are new: %s', async (_, newer, shards) => {
    await push(big)
    expect(await inForce(newer)).toMatchObject({ ok: true, value: { policy: big, bundle: { pointer: 'pointer' } } })
    expect(reads).toEqual(['pointer', ...Array.from({ length: shards }, () => 'shard')])
  })

  it('is read whole when the new one is too small for its shards', async () => {
    const { shards } = await push(big)
    expect(shards.total).toBeGreaterThan(4)
    expect(await inForce(policyOf({ 'token:ci': reader('a') }))).toMatchObject({
      ok: true,
      value: { policy: big, bundle: { pointer: 'pointer' } },
    })
    expect(reads).toHaveLength(1 + shards.total)
  })

  it('gives nobody a right before the first push', async () => {
    const common = { ...COMMON, everyone: reader('a'), anonymous: reader('b') }
    const { principals } = policyOf({ 'token:ci': reader('a') })
    expect(await inForce({ common, principals })).toEqual({ ok: true, value: { policy: policyOf({}) } })
  })

  it.each<[string, string, () => Promise<void> | void]>([
    [
      'key_unknown',
      'is not among the public keys',
      async () => {
        await publish({ policy: big, kv, key: (await newKey()).signing, now: NOW, force: true })
      },
    ],
    [
      'manifest_malformed',
      'does not hold a signed manifest',
      () => {
        values.set('pointer', 'x')
      },
    ],
    [
      'pointer_mismatch',
      'was signed for the pointer "staging" and lies under "pointer"',
      async () => {
        await publish({ policy: big, kv, key: key.signing, now: NOW, pointer: 'staging' })
        values.set('pointer', values.get('staging') ?? '')
      },
    ],
    [
      'shard_missing',
      'is not in memory; `dockgate push --all` uploads every shard again',
      () => {
        for (const name of values.keys()) if (name.startsWith('sha256:')) values.delete(name)
      },
    ],
    [
      'shard_digest',
      'was changed or cut short',
      () => {
        for (const name of values.keys()) if (name.startsWith('sha256:')) values.set(name, '{}')
      },
    ],
  ])('is not told from what cannot be vouched for: %s', async (code, message, damage) => {
    await push(policyOf({ 'token:ci': reader('a') }))
    await damage()
    const found = await inForce(policyOf({ 'token:ci': reader('b') }))
    expect(found).toMatchObject({ ok: false, error: { code, message: expect.stringContaining(message) } })
  })

  it('names its principals by key', async () => {
    await push(policyOf({ 'token:ci': reader('a') }))
    const found = await inForce(policyOf({}))
    expect(found.ok && [...found.value.policy.principals.keys()]).toEqual([keyOf('token:ci')])
  })
})
