/** Policies as their author writes them, and questions about them in one line. For tables of tests. */
import { Policies } from '../../src/cli/answers/policies.ts'
import { readPolicies } from '../../src/files/load.ts'
import type { Problem } from '../../src/files/problem.ts'
import { type Authorization, authorize } from '../../src/policy/decide/authorize.ts'
import { decide } from '../../src/policy/decide/decide.ts'
import type { Attributes } from '../../src/policy/model.ts'
import { parsePrincipal } from '../../src/policy/principal.ts'
import { parseRegistryRequest } from '../../src/registry/parse.ts'
import { parseAction } from '../../src/registry/permission.ts'
import { valid } from './pools.ts'

type Circumstances = Attributes & { readonly groups?: readonly string[]; readonly at?: string }

/** `who` may be any principal, `what` a permission or `METHOD target`. The answer is `allow`, or why not. */
export type Ask = (who: string, what: string, on?: string, circumstances?: Circumstances) => string

type File = { readonly registry?: object; readonly [key: string]: unknown }

/** What is wrong with a policy file. */
export const problemsOf = (file: File): readonly Problem[] => read(file).problems

function read({ registry, ...file }: File) {
  const text = JSON.stringify({ registry: { service: 'registry.example.com', ...registry }, ...file })
  return readPolicies([{ path: 'policies.yaml', text }])
}

/** @throws if the file has an error */
export function policy(file: File): Ask {
  const { policies, problems } = read(file)
  if (policies === undefined) throw new Error(JSON.stringify(problems))
  const opened = new Policies('policies', policies, [])
  return (who, what, on, { groups = [], at, ...attributes } = {}) => {
    const { claims = {} } = attributes
    const rights = opened.rights(valid(parsePrincipal(who)), { claims, groups })
    const now = at === undefined ? 0 : Date.parse(at) / 1000
    const [method, target] = what.split(' ')
    if (target === undefined) {
      const repository = on === undefined ? {} : { repository: on }
      return answerOf(decide(rights, { action: valid(parseAction(what)), ...repository, attributes, now }))
    }
    const { clientIp, mediaType, artifactType } = attributes
    const facts = JSON.parse(JSON.stringify({ clientIp, mediaType, artifactType, now }))
    return answerOf(authorize(rights, opened.common, valid(parseRegistryRequest(method ?? '', target)), facts))
  }
}

const answerOf = (decision: Authorization): string => (decision.effect === 'allow' ? 'allow' : decision.reason.code)

/** Everybody who is authenticated has these roles. */
export const having = (mode: 'abac' | 'rbac', ...roles: readonly string[]): Ask =>
  policy({ registry: { mode }, roleAssignments: roles.map((role) => ({ principal: 'everyone', role })) })

/** Everybody who is authenticated has a role under a condition. */
export const under = (condition: string, role = 'Container Registry Repository Contributor'): Ask =>
  policy({ roleAssignments: [{ principal: 'everyone', role, condition }] })
