/** The callers, the policies and the names that the soak uses. */
import { createHash } from 'node:crypto'
import { readPolicies } from '../../src/files/load.ts'
import { compile } from '../../src/policy/compile/compile.ts'

const PASSWORD = 'soak-password-of-this-test-only'
const sha256 = createHash('sha256').update(PASSWORD).digest('hex')

/** The token ci: reads and writes samples/*. */
export const BASIC = `Basic ${Buffer.from(`ci:${PASSWORD}`).toString('base64')}`
/** The token flip: every second policy lets it read flip/*. */
export const FLIP = `Basic ${Buffer.from(`flip:${PASSWORD}`).toString('base64')}`
export const WRONG = `Basic ${Buffer.from('ci:wrong').toString('base64')}`
export const DIGEST = `sha256:${'a'.repeat(64)}`
export const SERVICE = 'registry.example.com'
/** Where the right is needed that changes with each policy. */
export const FLIPPING = { method: 'GET', path: '/v2/flip/app/manifests/v1', authorization: FLIP }

export const manifestPath = (name: string): string => `/v2/${name}/manifests/v1`

/** Two policies that differ in one right, and in the size of what nobody asks for. */
function policyOf(turn: number): string {
  const idle = Array.from(
    { length: 200 + turn },
    (_, n) => `  idle${n}: { scopeMap: nothing, credentials: { password1: { sha256: ${sha256} } } }`,
  )
  return `
registry: { service: ${SERVICE}, anonymous: [repositories/public/*/content/read] }
scopeMaps:
  ci: { actions: [repositories/samples/*/content/read, repositories/samples/*/content/write, repositories/samples/*/metadata/read] }
  flip: { actions: [repositories/${turn % 2 === 0 ? 'flip' : 'flop'}/*/content/read] }
  nothing: { actions: [repositories/nothing/content/read] }
tokens:
  ci: { scopeMap: ci, credentials: { password1: { sha256: ${sha256} } } }
  flip: { scopeMap: flip, credentials: { password1: { sha256: ${sha256} } } }
${idle.join('\n')}
`
}

/** The compiled policy of a turn. Even turns let the token flip read flip/*. */
export function compiledPolicy(turn: number) {
  const { policies, problems } = readPolicies([{ path: 'soak.yaml', text: policyOf(turn) }])
  if (policies === undefined) throw new Error(JSON.stringify(problems[0]))
  return compile(policies)
}
