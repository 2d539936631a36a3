/**
 * Made-up policy sets of any size, the same for the same options: tokens over scope maps, and role assignments of subjects
 * and groups, restricted to repositories of `team-N/app-M` by the shorthand or by a condition.
 */

import { findRole } from '../../src/policy/azure/roles.ts'
import { parseCondition } from '../../src/policy/condition/parse.ts'
import type {
  Condition,
  PolicySet,
  RoleAssignment,
  RoleDefinition,
  ScopeMap,
  ScopeMapAction,
  Source,
  Token,
} from '../../src/policy/model.ts'
import { type PrincipalKey, principalKey } from '../../src/policy/principal.ts'
import { parseRepositoryPattern, type RepositoryPattern } from '../../src/policy/repository-pattern.ts'

export type SyntheticOptions = {
  readonly roleAssignments: number
  readonly tokens: number
  /** Repositories that rules speak of; ten of each team. Default 100,000. */
  readonly repositories?: number
  /** Default 1. */
  readonly seed?: number
}

const REPOSITORIES_PER_TEAM = 10
const TOKENS_PER_SCOPE_MAP = 20
const ASSIGNMENTS_PER_PRINCIPAL = 1.25

export function syntheticPolicies(options: SyntheticOptions): PolicySet {
  const { roleAssignments, tokens, repositories = 100_000, seed = 1 } = options
  const random = mulberry32(seed)
  const below = (limit: number) => Math.floor(random() * limit)
  const teams = Math.max(1, Math.floor(repositories / REPOSITORIES_PER_TEAM))
  const team = () => `team-${below(teams)}`
  const repository = () => `${team()}/app-${below(REPOSITORIES_PER_TEAM)}`
  const pattern = () => patternOf(random() < 0.7 ? repository() : `${team()}/*`)
  const scopeMaps = Array.from({ length: Math.ceil(tokens / TOKENS_PER_SCOPE_MAP) }, (_, n) => scopeMap(n, pattern))
  const principals = Math.max(1, Math.floor(roleAssignments / ASSIGNMENTS_PER_PRINCIPAL))
  return {
    registry: {
      service: 'registry.example.com',
      mode: 'abac',
      catalog: 'filtered',
      anonymous: [],
      tokenLifetimeSeconds: 900,
    },
    scopeMaps,
    tokens: Array.from({ length: tokens }, (_, n) => token(n, `map-${below(scopeMaps.length)}`, random)),
    issuers: [
      {
        name: 'entra',
        issuer: 'https://login.example.com/v2.0',
        audiences: ['registry.example.com'],
        algorithms: ['RS256'],
        subjectClaim: 'oid',
        groupsClaim: 'groups',
        source: sourceOf(1),
      },
    ],
    identities: [],
    roles: [],
    roleAssignments: Array.from({ length: roleAssignments }, (_, n): RoleAssignment => {
      const isConditional = random() < 0.1
      return {
        name: `grant-${n}`,
        principal: principalOf(n < principals ? n : below(principals)),
        role: n % 3 === 0 ? WRITER : READER,
        ...(isConditional ? { condition: conditionFor(team()) } : { repositories: [pattern()] }),
        source: sourceOf(n),
      }
    }),
    denyAssignments: [],
    protections: [],
  }
}

/** One in ten principals is a group. */
export function principalOf(n: number): PrincipalKey {
  const id = `${n.toString(16).padStart(8, '0')}-0000-4000-8000-000000000000`
  return principalKey({ kind: n % 10 === 9 ? 'group' : 'subject', issuer: 'entra', id })
}

/** The set with one assignment given to another repository. */
export function withOneChange(policies: PolicySet): PolicySet {
  const [first, ...rest] = policies.roleAssignments
  if (first === undefined) return policies
  const { condition: _, ...bare } = first
  return { ...policies, roleAssignments: [{ ...bare, repositories: [patternOf('changed/app')] }, ...rest] }
}

const role = (name: string): RoleDefinition => {
  const found = findRole(name, [])
  if (found === undefined) throw new Error(`the built-in role ${name} does not exist`)
  return found
}
const READER = role('Container Registry Repository Reader')
const WRITER = role('Container Registry Repository Writer')

const sourceOf = (n: number): Source => ({ file: 'synthetic.json', line: n + 1, column: 1 })

function patternOf(text: string): RepositoryPattern {
  const parsed = parseRepositoryPattern(text)
  if (!parsed.ok) throw new Error(`${text} is not a pattern`)
  return parsed.value
}

function scopeMap(n: number, pattern: () => RepositoryPattern): ScopeMap {
  const source = sourceOf(n)
  const actions = [pattern(), pattern()].flatMap((repository): readonly ScopeMapAction[] => [
    { repository, permission: 'content/read', source },
    { repository, permission: 'content/write', source },
    { repository, permission: 'metadata/read', source },
  ])
  return { name: `map-${n}`, actions, source }
}

function token(n: number, map: string, random: () => number): Token {
  const word = () =>
    Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, '0')
  const sha256 = Array.from({ length: 8 }, word).join('')
  const credentials = [{ name: 'password1', sha256 }]
  return { name: `token-${n}`, scopeMap: map, status: 'enabled', credentials, source: sourceOf(n) }
}

/** As the portal writes it: reading is restricted to one team, and what else the role gives is not. */
function conditionFor(team: string): Condition {
  const read = 'Microsoft.ContainerRegistry/registries/repositories/content/read'
  const name = 'Microsoft.ContainerRegistry/registries/repositories:name'
  const text = `((!(ActionMatches{'${read}'})) OR (@Request[${name}] StringStartsWithIgnoreCase '${team}/'))`
  const parsed = parseCondition(text, 'strict')
  if (!parsed.ok) throw new Error(parsed.error.message)
  return { text, expression: parsed.value.expression }
}

/** A small generator of even numbers in [0, 1), by Tommy Ettinger; good enough to make policies differ. */
function mulberry32(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let value = Math.imul(state ^ (state >>> 15), 1 | state)
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32
  }
}
