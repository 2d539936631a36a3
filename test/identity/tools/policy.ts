/** A policy view from policy text, as the gate would have it after a push. Throws for text that is not valid. */
import { readPolicies } from '../../../src/files/load.ts'
import { compile } from '../../../src/policy/compile/compile.ts'
import type { CompiledPolicy } from '../../../src/policy/decide/compiled.ts'
import { type IndexedPrincipal, indexCommon, indexPrincipal } from '../../../src/policy/decide/effective-rights.ts'
import type { PrincipalKey } from '../../../src/policy/principal.ts'
import type { PolicyView } from '../../../src/worker/store/policy-view.ts'

export const SERVICE = 'registry.example.com'

let serial = 0

export function compiledOf(text: string): CompiledPolicy {
  const { policies, problems } = readPolicies([{ path: 'policy.yaml', text }])
  if (policies === undefined) throw new Error(JSON.stringify(problems, undefined, 2))
  return compile(policies)
}

/** @param promised every principal is a promise, as when its shard has to be read first */
export function viewOf(text: string, { promised = false } = {}): PolicyView {
  const { common, principals } = compiledOf(text)
  const opened = new Map<PrincipalKey, IndexedPrincipal>()
  for (const [key, data] of principals) opened.set(key, indexPrincipal(data))
  serial += 1
  return {
    serial,
    keyId: 'test',
    created: 0,
    expires: Number.MAX_SAFE_INTEGER,
    common: indexCommon(common),
    principal: (key) => (promised ? Promise.resolve(opened.get(key)) : opened.get(key)),
  }
}
