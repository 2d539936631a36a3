/** Lints of tokens and scope maps. */
import { permissionsOfRole } from '../policy/analysis/least-role.ts'
import { SYSTEM_SCOPE_MAPS } from '../policy/azure/scope-maps.ts'
import type { ScopeMap, ScopeMapAction } from '../policy/model.ts'
import { permissionsOf } from '../policy/permission-bits.ts'
import { ANONYMOUS } from '../policy/principal.ts'
import { formatRepositoryPattern } from '../policy/repository-pattern.ts'
import type { Finding, Lint } from './lint.ts'
import { ruleText } from './rule-text.ts'

/** Azure's own minimum. */
const NAME_MIN_LENGTH = 5

/** The lint `?`. */
export const shortTokenName: Lint = {
  id: 'short_token_name',
  explanation: `Azure wants at least ${NAME_MIN_LENGTH} characters in the name of a token, so a shorter one cannot be moved there.`,
  fix: `give it a name of at least ${NAME_MIN_LENGTH} characters`,
  *find({ policies }) {
    for (const { name, source } of policies.tokens) {
      if (name.length < NAME_MIN_LENGTH)
        yield { source, message: `the name of token ${name} is shorter than ${NAME_MIN_LENGTH}` }
    }
  },
}

/** The lint `?`. */
export const credentialWithoutExpiry: Lint = {
  id: 'credential_without_expiry',
  explanation: 'A password that never expires is good for anyone who finds it, for as long as the token exists.',
  fix: 'add expires, and rotate it with dockgate token rotate',
  *find({ policies }) {
    for (const { name, credentials, source } of policies.tokens) {
      for (const credential of credentials) {
        if (credential.expires === undefined)
          yield { source, message: `${credential.name} of token ${name} never expires` }
      }
    }
  },
}

/** The lint `?`. */
export const unusedScopeMap: Lint = {
  id: 'unused_scope_map',
  explanation: 'A scope map that no token has grants nothing to anybody.',
  fix: 'give it to a token, or remove it',
  *find({ policies }) {
    const used = new Set(policies.tokens.map(({ scopeMap }) => scopeMap))
    for (const { name, source } of policies.scopeMaps) {
      if (!used.has(name)) yield { source, message: `no token has the scope map ${name}` }
    }
  },
}

/** The lint `?`. */
export const pushWithoutRead: Lint = {
  id: 'push_without_read',
  explanation:
    'Clients look for the layers that are there already before they push, so content/write without content/read pushes nothing.',
  fix: 'grant content/read on the same repositories',
  *find({ policies }) {
    for (const map of policies.scopeMaps) yield* writesUnread(`the scope map ${map.name}`, map.actions)
    yield* writesUnread('registry.anonymous', policies.registry.anonymous)
    for (const role of policies.roles) {
      const permissions = permissionsOfRole(role, policies.registry.mode)
      if (role.source === undefined || !permissions.includes('content/write')) continue
      if (!permissions.includes('content/read')) {
        yield { source: role.source, message: `the role ${role.name} grants content/write without content/read` }
      }
    }
  },
}

function* writesUnread(where: string, actions: ScopeMap['actions']): Iterable<Finding> {
  const patternsOf = (permission: ScopeMapAction['permission']) =>
    actions.filter((action) => action.permission === permission)
  const read = new Set(patternsOf('content/read').map(({ repository }) => formatRepositoryPattern(repository)))
  for (const { repository, source } of patternsOf('content/write')) {
    const written = formatRepositoryPattern(repository)
    if (!widenings(written).some((pattern) => read.has(pattern))) {
      yield { source, message: `${where} grants content/write on ${written} without content/read` }
    }
  }
}

/** Every pattern of a scope map that covers this one, itself included. */
function widenings(pattern: string): readonly string[] {
  const segments = pattern.split('/')
  return [pattern, '*', ...segments.slice(0, -1).map((_, index) => `${segments.slice(0, index + 1).join('/')}/*`)]
}

const DANGEROUS = new Set(['content/write', 'content/delete'])

/** The lint `?`. */
export const wildcardOverEverything: Lint = {
  id: 'wildcard_over_everything',
  explanation:
    'Anyone who may write or delete in every repository, also in those to come, can replace every image that anybody runs.',
  fix: 'name the repositories, or a prefix of them such as team/*',
  *find({ policies }) {
    for (const { name, actions } of policies.scopeMaps) {
      for (const { repository, permission, source } of actions) {
        if (repository.kind === 'all' && DANGEROUS.has(permission)) {
          yield { source, message: `the scope map ${name} grants ${permission} on every repository` }
        }
      }
    }
    const own = new Set(policies.scopeMaps.map((map) => map.name))
    const system = new Map(SYSTEM_SCOPE_MAPS.map((map) => [map.name, map]))
    for (const { name, scopeMap, source } of policies.tokens) {
      const dangerous = system.get(scopeMap)?.actions.filter(({ permission }) => DANGEROUS.has(permission)) ?? []
      if (dangerous.length > 0 && !own.has(scopeMap)) {
        const what = dangerous.map(({ permission }) => permission).join(' and ')
        yield {
          source,
          message: `token ${name} has the system-defined scope map ${scopeMap}: ${what} on every repository`,
        }
      }
    }
    for (const { name, repositories = [], role, source } of policies.roleAssignments) {
      if (!repositories.some(({ kind }) => kind === 'all')) continue
      const what = permissionsOfRole(role, policies.registry.mode).filter((permission) => DANGEROUS.has(permission))
      if (what.length > 0) {
        yield { source, message: `role assignment ${name} grants ${what.join(' and ')} on every repository` }
      }
    }
  },
}

/** The lint `?`. */
export const anonymousWrite: Lint = {
  id: 'anonymous_write',
  explanation: 'Anyone who reaches the gate, without any credential, could change images.',
  fix: 'take it away from anonymous, and give it to a token or an identity',
  *find({ policies, compiled }) {
    for (const { repository, permission, source } of policies.registry.anonymous) {
      if (!permission.endsWith('/read')) {
        const where = formatRepositoryPattern(repository)
        yield { source, message: `callers without a credential have ${permission} on ${where}` }
      }
    }
    const granted = new Map((compiled.common.anonymous.grants ?? []).map(({ rule, bits }) => [rule, bits]))
    for (const assignment of policies.roleAssignments) {
      if (assignment.principal !== ANONYMOUS) continue
      const bits = granted.get(ruleText(assignment)) ?? 0
      const changing = permissionsOf(bits).filter((permission) => !permission.endsWith('/read'))
      if (changing.length > 0) {
        const { name, source } = assignment
        yield { source, message: `role assignment ${name} gives callers without a credential ${changing.join(', ')}` }
      }
    }
  },
}
