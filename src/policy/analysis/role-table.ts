/**
 * Tables of who may do what, found by asking the decision itself: the seven roles of 2020, the scenarios of 2025 in both
 * role assignment permissions modes, every built-in role, and the system-defined scope maps. Never formats.
 *
 * Source: Azure "container-registry-roles" (2020), "container-registry-rbac-built-in-roles-overview" (2025 scenarios),
 * "container-registry-token-based-repository-permissions".
 */
import { type Action, PERMISSIONS, parseAction, takesRepository } from '../../registry/permission.ts'
import { BUILT_IN_ROLES, findRole } from '../azure/roles.ts'
import { SYSTEM_SCOPE_MAPS } from '../azure/scope-maps.ts'
import type { Caller } from '../caller.ts'
import { compile } from '../compile/compile.ts'
import { decide } from '../decide/decide.ts'
import { effectiveRightsOf, indexCommon, indexPrincipal } from '../decide/effective-rights.ts'
import type { Mode, PolicySet } from '../model.ts'
import { EVERYONE, type PrincipalKey, principalKey } from '../principal.ts'

/** A cell is a text, or whether the row holds what the column is about. */
export type RoleTable = {
  readonly title: string
  readonly about: string
  readonly columns: readonly string[]
  readonly rows: readonly (readonly (string | boolean)[])[]
}

/** The tables of docs/roles.md. */
export const roleTables = (): readonly RoleTable[] => [rolesOf2020(), scenarios(), builtInRoles(), scopeMaps()]

/** Columns of the role table of 2020, by the actions that stand for them. */
const CAPABILITIES: readonly (readonly [title: string, actions: readonly string[]])[] = [
  ['Access Resource Manager', ['registries/read']],
  ['Create/delete registry', ['registries/write', 'registries/delete']],
  ['Push image', ['content/write', 'content/read']],
  ['Pull image', ['content/read']],
  ['Delete image data', ['content/delete']],
  ['Change policies', ['registries/updatePolicies/write']],
  ['Sign images', ['sign/write']],
]

const rolesOf2020 = (): RoleTable => ({
  title: 'The seven roles of 2020',
  about: 'Registries in `rbac` mode: a role is for the whole registry.',
  columns: ['Role', ...CAPABILITIES.map(([title]) => title)],
  rows: ['Owner', 'Contributor', 'Reader', 'AcrPush', 'AcrPull', 'AcrDelete', 'AcrImageSigner'].map((role) => [
    role,
    ...CAPABILITIES.map(([, actions]) => holdsAll([role], 'rbac', actions)),
  ]),
})

const R = 'Container Registry'
const READER = `${R} Repository Reader`
const WRITER = `${R} Repository Writer`
const LISTER = `${R} Repository Catalog Lister`
const CONFIGURATION_READER = `${R} Configuration Reader and Data Access Configuration Reader`
const IMPORTER = `${R} Data Importer and Data Reader`
const TASKS = `${R} Tasks Contributor`

type Scenario = {
  readonly title: string
  readonly needs: readonly string[]
  /** What Azure says to assign in either mode; absent where it names no role. */
  readonly abac: readonly string[]
  readonly rbac: readonly string[]
}

const SCENARIOS: readonly Scenario[] = [
  { title: 'Pull images', needs: ['content/read'], abac: [READER], rbac: ['AcrPull'] },
  { title: 'List tags', needs: ['metadata/read'], abac: [READER], rbac: ['AcrPull'] },
  { title: 'List repositories', needs: ['catalog/read'], abac: [LISTER], rbac: ['AcrPull'] },
  { title: 'Build and push images', needs: ['content/write', 'content/read'], abac: [WRITER], rbac: ['AcrPush'] },
  {
    title: 'Delete images',
    needs: ['content/delete', 'metadata/delete'],
    abac: [`${R} Repository Contributor`],
    rbac: ['AcrDelete'],
  },
  {
    title: 'Sign with Notary Project tools',
    needs: ['content/write', 'content/read'],
    abac: [WRITER],
    rbac: ['AcrPush'],
  },
  { title: 'Sign with Docker Content Trust', needs: ['sign/write'], abac: [], rbac: ['AcrImageSigner'] },
  {
    title: 'Scan for vulnerabilities',
    needs: ['content/read', 'metadata/read', 'catalog/read', 'registries/read'],
    abac: [READER, LISTER, CONFIGURATION_READER],
    rbac: ['AcrPull', CONFIGURATION_READER],
  },
  { title: 'Import images', needs: ['registries/importImage/action'], abac: [IMPORTER], rbac: [IMPORTER] },
  {
    title: 'Pull quarantined images',
    needs: ['quarantine/read'],
    abac: ['AcrQuarantineReader'],
    rbac: ['AcrQuarantineReader'],
  },
  {
    title: 'Release from quarantine',
    needs: ['quarantine/write'],
    abac: ['AcrQuarantineWriter'],
    rbac: ['AcrQuarantineWriter'],
  },
  {
    title: 'Run tasks, such as purging',
    needs: ['registries/tasks/write', 'registries/scheduleRun/action'],
    abac: [TASKS],
    rbac: [TASKS],
  },
]

const scenarios = (): RoleTable => ({
  title: 'The scenarios of 2025, in both modes',
  about: 'What to assign, and whether it is enough in a registry of either mode.',
  columns: ['Scenario', 'Needs', 'Roles', 'in `abac` mode', 'in `rbac` mode'],
  rows: SCENARIOS.flatMap(({ title, needs, abac, rbac }) => {
    const choices = abac.join() === rbac.join() ? [abac] : [abac, rbac]
    return choices.map((roles) => [
      title,
      needs.join(', '),
      roles.join(' + ') || 'none',
      ...(['abac', 'rbac'] as const).map((mode) => holdsAll(roles, mode, needs)),
    ])
  }),
})

const builtInRoles = (): RoleTable => ({
  title: 'Every built-in role and the ten data permissions',
  about: '`abac` and `rbac`: in registries of that mode only. Roles that are not listed give no data permission.',
  columns: ['Role', ...PERMISSIONS],
  rows: BUILT_IN_ROLES.map(({ name }) => [name, ...PERMISSIONS.map((permission) => modesOf(name, permission))]).filter(
    ([, ...cells]) => cells.some((cell) => cell !== false),
  ),
})

function modesOf(role: string, permission: string): string | boolean {
  const [abac, rbac] = [holdsAll([role], 'abac', [permission]), holdsAll([role], 'rbac', [permission])]
  return abac === rbac ? abac : abac ? 'abac' : 'rbac'
}

const scopeMaps = (): RoleTable => ({
  title: 'System-defined scope maps',
  about: 'For tokens, in both modes and on every repository.',
  columns: ['Scope map', ...PERMISSIONS],
  rows: SYSTEM_SCOPE_MAPS.map(({ name }) => [
    name,
    ...PERMISSIONS.map((permission) => isAllowed({ ...EMPTY, tokens: [tokenOf(name)] }, TOKEN, readAction(permission))),
  ]),
})

const SOURCE = { file: 'role tables', line: 1, column: 1 }
const TOKEN = principalKey({ kind: 'token', name: 'asked' })

const EMPTY: PolicySet = {
  registry: { service: 'asked', mode: 'abac', catalog: 'exact', anonymous: [], tokenLifetimeSeconds: 900 },
  scopeMaps: [],
  tokens: [],
  issuers: [],
  identities: [],
  roles: [],
  roleAssignments: [],
  denyAssignments: [],
  protections: [],
}

const tokenOf = (scopeMap: string) =>
  ({ name: 'asked', scopeMap, status: 'enabled', credentials: [], source: SOURCE }) as const

/** Whether a caller with all of `roles` may do all of `actions`. */
function holdsAll(roles: readonly string[], mode: Mode, actions: readonly string[]): boolean {
  const roleAssignments = roles.map((name) => {
    const role = findRole(name, [])
    if (role === undefined) throw new Error(`no built-in role is named ${name}`)
    return { name, principal: EVERYONE, role, source: SOURCE }
  })
  const policies = { ...EMPTY, registry: { ...EMPTY.registry, mode }, roleAssignments }
  return actions.every((action) => isAllowed(policies, TOKEN, readAction(action)))
}

function readAction(text: string): Action {
  const action = parseAction(text)
  if (!action.ok) throw new Error(`${text} is not a permission`)
  return action.value
}

function isAllowed(policies: PolicySet, principal: PrincipalKey, action: Action): boolean {
  const { common, principals } = compile(policies)
  const caller: Caller = { authenticated: true, acts: [principal] }
  const own = principals.get(principal)
  const rights = effectiveRightsOf(caller, indexCommon(common), own === undefined ? [] : [indexPrincipal(own)])
  const about = takesRepository(action) ? { repository: 'app' } : {}
  return decide(rights, { action, ...about, attributes: {}, now: 0 }).effect === 'allow'
}
