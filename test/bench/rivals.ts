/**
 * The same rights in other engines: what each principal may do where, as Cedar's policies, Casbin's rules, and an ordered
 * list that is searched from its top, as docker_auth does. All are parsed and compiled before the clock starts.
 */
import { preparsePolicySet, statefulIsAuthorized } from '@cedar-policy/cedar-wasm/nodejs'
import { newEnforcer, newModel, StringAdapter } from 'casbin'
import type { PolicySet } from '../../src/policy/model.ts'
import { formatRepositoryPattern } from '../../src/policy/repository-pattern.ts'

/** One right: a principal's action on a repository, or on all that begin with what stands before the `*`. */
export type Right = { readonly principal: string; readonly actions: readonly string[]; readonly on: string }

export type Asked = { readonly principal: string; readonly action: string; readonly repository: string }

export type Rival = { readonly name: string; decide(asked: Asked): boolean }

const READ = ['pull']
const WRITE = ['pull', 'push']

/** The role assignments of a synthetic policy set, in words that every engine knows. */
export function rightsOf({ roleAssignments }: PolicySet): readonly Right[] {
  return roleAssignments.flatMap(({ principal, role, repositories, condition }): readonly Right[] => {
    const actions = role.name.endsWith('Writer') ? WRITE : READ
    if (condition === undefined) {
      return (repositories ?? []).map((on) => ({ principal, actions, on: formatRepositoryPattern(on) }))
    }
    // It restricts reading to one team, and nothing else.
    const [, team = ''] = /'(team-\d+\/)'/.exec(condition.text) ?? []
    const others = actions.filter((action) => action !== 'pull')
    const reading = { principal, actions: READ, on: `${team}*` }
    return others.length === 0 ? [reading] : [reading, { principal, actions: others, on: '*' }]
  })
}

/** Cedar's own WASM build. A policy for each right; what is asked carries no entities. */
export function cedar(rights: readonly Right[], id: string): Rival {
  const staticPolicies = Object.fromEntries(rights.map((right, n) => [`right-${n}`, cedarPolicy(right)]))
  const parsed = preparsePolicySet(id, { staticPolicies })
  if (parsed.type !== 'success') throw new Error(`Cedar refuses the policies: ${JSON.stringify(parsed.errors)}`)
  return {
    name: 'Cedar WASM',
    decide({ principal, action, repository }) {
      const answer = statefulIsAuthorized({
        principal: { type: 'Principal', id: principal },
        action: { type: 'Action', id: action },
        resource: { type: 'Repository', id: repository },
        context: { name: repository },
        preparsedPolicySetId: id,
        entities: [],
      })
      if (answer.type !== 'success') throw new Error(`Cedar does not answer: ${JSON.stringify(answer.errors)}`)
      return answer.response.decision === 'allow'
    },
  }
}

function cedarPolicy({ principal, actions, on }: Right): string {
  const who = `principal == Principal::${JSON.stringify(principal)}`
  const what = `action in [${actions.map((action) => `Action::"${action}"`).join(', ')}]`
  if (on === '*') return `permit(${who}, ${what}, resource);`
  return on.endsWith('*')
    ? `permit(${who}, ${what}, resource) when { context.name like ${JSON.stringify(on)} };`
    : `permit(${who}, ${what}, resource == Repository::${JSON.stringify(on)});`
}

const CASBIN_MODEL = `
[request_definition]
r = sub, obj, act
[policy_definition]
p = sub, obj, act
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.sub == p.sub && r.act == p.act && keyMatch(r.obj, p.obj)
`

/** A rule for each action of each right. */
export async function casbin(rights: readonly Right[]): Promise<Rival> {
  const rules = rights.flatMap(({ principal, actions, on }) =>
    actions.map((action) => `p, ${principal}, ${on}, ${action}`),
  )
  const enforcer = await newEnforcer(newModel(CASBIN_MODEL), new StringAdapter(rules.join('\n')))
  return {
    name: 'Casbin',
    decide: ({ principal, action, repository }) => enforcer.enforceSync(principal, repository, action),
  }
}

/** Globs compiled to regular expressions; the first entry that matches decides. */
export function firstMatch(rights: readonly Right[]): Rival {
  const entries = rights.map(({ principal, actions, on }) => ({
    principal,
    actions: new Set(actions),
    name: new RegExp(`^${on.replaceAll(/[.+]/g, '\\$&').replaceAll('*', '.*')}$`),
  }))
  return {
    name: 'first-match list',
    decide({ principal, action, repository }) {
      const entry = entries.find(
        (candidate) =>
          candidate.principal === principal && candidate.actions.has(action) && candidate.name.test(repository),
      )
      return entry !== undefined
    },
  }
}
