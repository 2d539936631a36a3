/** A policy as the gate finds it in KV, a caller of it, and tokens that this caller was given. */
import { generateKey, parseSigningKey } from '../../src/bundle/keys.ts'
import { credentialFingerprint } from '../../src/identity/secret.ts'
import { compile } from '../../src/policy/compile/compile.ts'
import type { PolicySet } from '../../src/policy/model.ts'
import { formatRepositoryPattern } from '../../src/policy/repository-pattern.ts'
import { tokenKeys } from '../../src/worker/identity/keys.ts'
import { mint } from '../../src/worker/identity/minted.ts'
import { bundleOf } from '../bundle/fixture.ts'
import { syntheticPolicies } from './synthetic.ts'

export type World = {
  readonly policies: PolicySet
  readonly kv: ReadonlyMap<string, string>
  /** What the gate needs next to its upstream. */
  readonly bindings: Readonly<Record<string, string>>
  /** A repository that the caller may pull from. */
  readonly repository: string
  /** Tokens of the policy's `n`th token, each another one, good for an hour. */
  mint(count: number, n?: number): Promise<readonly string[]>
}

/** @param size role assignments, and as many tokens if not told otherwise */
export async function createWorld(size: number, tokens = size): Promise<World> {
  const policies = syntheticPolicies({ roleAssignments: size, tokens })
  const policyPair = await generateKey('ES256')
  const tokenPair = await generateKey('ES256')
  const now = Math.floor(Date.now() / 1000)
  const key = await parseSigningKey(JSON.stringify(policyPair.private))
  const { pointer, shards } = await bundleOf(compile(policies), key, { created: now - 60 })
  const bindings = {
    POLICY_PUBLIC_KEYS: JSON.stringify({ keys: [policyPair.public] }),
    TOKEN_SIGNING_KEY: JSON.stringify(tokenPair.private),
  }
  const repositoriesOf = (n: number): readonly string[] => {
    const scopeMap = policies.scopeMaps.find(({ name }) => name === policies.tokens[n]?.scopeMap)
    return scopeMap?.actions.map(({ repository }) => formatRepositoryPattern(repository).replace('*', 'app-0')) ?? []
  }
  const [repository = ''] = repositoriesOf(0)
  return {
    policies,
    kv: new Map([...shards, ['pointer', pointer]]),
    bindings,
    repository,
    async mint(count, n = 0) {
      const token = policies.tokens[n]
      const credential = token?.credentials[0]
      if (token === undefined || credential === undefined) throw new Error(`token ${n} does not exist`)
      const keys = await tokenKeys(bindings)
      const proof = { kind: 'token', name: token.name, credential: credentialFingerprint(credential) } as const
      const access = [{ type: 'repository', name: repositoriesOf(n)[0] ?? '', actions: ['pull', 'push'] }] as const
      const { service } = policies.registry
      const minted: string[] = []
      for (let made = 0; made < count; made++) {
        const issue = { service, issuedAt: now, expires: now + 3600, id: crypto.randomUUID() }
        minted.push(await mint('access', { proof, access }, issue, keys))
      }
      return minted
    },
  }
}
