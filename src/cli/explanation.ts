/**
 * An explanation as the command line tells it: the rule that comes nearest and the change that would do, in words with their
 * places in the files, and as JSON.
 */
import type { UnmetTest } from '../policy/blame.ts'
import { formatScopeMapLine, type ScopeMapLine } from '../policy/change.ts'
import type { Change, Explanation, Lack, NearestGrant, Need } from '../policy/explain.ts'
import type { EpochSeconds, RoleDefinition } from '../policy/model.ts'
import type { UnmetRule } from '../policy/near-identity.ts'
import { formatRepositoryPattern } from '../policy/repository-pattern.ts'
import type { Policies, RuleReference } from './policies.ts'
import { formatReference } from './verdict.ts'

/** What `--json` adds to a verdict. */
export type ExplanationJson = {
  readonly needs: readonly NeedJson[]
  readonly nearest: (RuleReference & { readonly principal: string; readonly lack: Lack; readonly text: string }) | null
  /** `text` says all steps; they are to be made in order. */
  readonly change: { readonly text: string; readonly steps: readonly (Change & { readonly text: string })[] } | null
}

type NeedJson = {
  readonly permission: string
  readonly repository?: string
  /** Does as well. */
  readonly orElse?: string
  readonly decision: 'allow' | 'deny'
}

export function explanationJson(
  policies: Policies,
  { principal, needs, nearest, changes }: Explanation,
): ExplanationJson {
  return {
    needs: needs.map(({ action, repository, orElse, authorization }) => ({
      permission: action,
      ...(repository === undefined ? {} : { repository }),
      ...(orElse === undefined ? {} : { orElse }),
      decision: authorization.effect,
    })),
    nearest:
      nearest === undefined
        ? null
        : {
            ...policies.reference(nearest.rule),
            principal: nearest.principal,
            lack: nearest.lack,
            text: formatNearest(policies, nearest, principal),
          },
    change:
      changes === undefined
        ? null
        : {
            text: formatChanges(policies, changes),
            steps: changes.map((change) => ({ ...change, text: formatChange(policies, change) })),
          },
  }
}

/** What stands below the verdict: at most one line each for the needs, the nearest rule and the change. */
export function explanationLines(policies: Policies, explanation: Explanation): readonly string[] {
  const { principal, needs, nearest, changes } = explanation
  return [
    ...(needs.length === 0 ? [] : [`  needs    ${formatNeeds(needs)}`]),
    ...(nearest === undefined ? [] : [`  nearest  ${formatNearest(policies, nearest, principal)}`]),
    ...(changes === undefined ? [] : [`  change   ${formatChanges(policies, changes)}`]),
  ]
}

const formatNeeds = (needs: readonly Need[]): string =>
  needs
    .map(({ action, repository, orElse, authorization }) => {
      const what = orElse === undefined ? action : `${action} or ${orElse}`
      const where = repository === undefined ? '' : ` on ${repository}`
      return `${what}${where} (${authorization.effect === 'allow' ? 'granted' : 'refused'})`
    })
    .join(', ')

export const formatTime = (time: EpochSeconds): string => new Date(time * 1000).toISOString().replace('.000Z', 'Z')

/** @param who asks: a rule of its own needs no name */
export const formatNearest = (policies: Policies, { rule, principal, lack }: NearestGrant, who: string): string =>
  `${formatReference(policies.reference(rule))} ${formatLack(policies, lack, principal === who ? '' : ` to ${principal}`)}`

const SHOWN = 5

function list(items: readonly string[]): string {
  const more = items.length - SHOWN
  return more > 0 ? `${items.slice(0, SHOWN).join(', ')} and ${more} more` : items.join(', ')
}

function formatLack(policies: Policies, lack: Lack, whom: string): string {
  switch (lack.code) {
    case 'not_begun':
      return `grants it${whom} from ${formatTime(lack.from)} on`
    case 'ended':
      return `granted it${whom} until ${formatTime(lack.until)}`
    case 'condition':
      return `would grant it${whom}, but its condition is not met: ${lack.tests.map(formatTest).join(' and ')}`
    case 'identity':
      return `grants it${whom}, but ${lack.unmet.map(formatUnmet).join(' and ')}`
    case 'repository':
      return `grants it${whom} on ${list(lack.on)}`
    case 'mode':
      return `gives the role ${lack.role}${whom}, which grants nothing in ${policies.set.registry.mode} mode`
    case 'permission':
      return `covers it, but grants${whom} only ${lack.permissions.join(', ')} there`
    case 'principal':
      return `grants it${whom}`
  }
}

const formatTest = ({ test, attributes }: UnmetTest): string =>
  attributes.length === 0 ? test : `${test} (${attributes.map(formatReading).join(', ')})`

const formatReading = ({ name, value }: UnmetTest['attributes'][number]): string =>
  value === undefined ? `no ${name} is known` : `the ${name} is ${value}`

const formatUnmet = ({ claim, wanted, value }: UnmetRule): string =>
  value === undefined ? `no ${claim} is known, wanted ${wanted}` : `${claim} is ${value}, wanted ${wanted}`

export const formatChanges = (policies: Policies, changes: readonly Change[]): string =>
  changes.map((change) => formatChange(policies, change)).join('; then ')

export function formatChange(policies: Policies, change: Change): string {
  const at = (source: { readonly file: string; readonly line: number } | undefined) =>
    source === undefined ? '' : ` (${policies.path(source)})`
  switch (change.kind) {
    case 'authenticate':
      return 'sign in: any valid credential will do'
    case 'comeAs': {
      const claims = change.unmet.map(({ claim, wanted }) => `${claim} ${wanted}`).join(' and ')
      return `come as identity:${change.identity}, with ${claims}`
    }
    case 'enableToken':
      return `set status: enabled on token:${change.token}${at(change.source)}`
    case 'extendScopeMap': {
      const others = list(change.sharedWith.map((name) => `token:${name}`))
      const shared = others === '' ? '' : `, which ${others} would gain too`
      return `add ${lines(change.lines)} to scope map ${change.scopeMap}${at(change.source)}${shared}`
    }
    case 'useScopeMap':
      return `set scopeMap: ${change.scopeMap} on token:${change.token}${at(change.source)}; it covers every repository`
    case 'defineToken':
      return `define token:${change.token} with a scope map that holds ${lines(change.lines)}`
    case 'extendAnonymous':
      return `add ${lines(change.lines)} to registry.anonymous${at(change.source)}, or sign in as somebody who may`
    case 'assignRole':
      return formatAssignment(policies, change)
    case 'beginEarlier':
      return `set notBefore of ${reference(policies, change)} to ${formatTime(change.time)} or earlier`
    case 'endLater':
      return `set notAfter of ${reference(policies, change)} later than ${formatTime(change.time)}`
    case 'spare':
      return `add ${change.principal} to except of ${reference(policies, change)}, or narrow what it denies`
  }
}

const reference = (policies: Policies, { rule }: Extract<Change, { readonly rule: unknown }>): string =>
  formatReference(policies.reference(rule))

const lines = (added: readonly ScopeMapLine[]): string => added.map(formatScopeMapLine).join(' and ')

function formatAssignment(policies: Policies, change: Extract<Change, { kind: 'assignRole' }>): string {
  const { principal, role, isNewRole, repositories } = change
  const where = repositories?.map(formatRepositoryPattern).join(', ')
  const scope = where === undefined ? '' : ` on repositories: [${where}]`
  const everywhere =
    where === undefined && policies.set.registry.mode === 'rbac' ? '; in rbac mode it holds for every repository' : ''
  const unknown = isKnown(policies, principal) ? '' : `; ${principal} is not defined yet`
  const assign = isNewRole
    ? `define the role "${role.name}" with ${roleContent(role)} and assign it to ${principal}`
    : `assign the role "${role.name}" to ${principal}`
  return `${assign}${scope}${everywhere}${unknown}`
}

function roleContent({ permissions }: RoleDefinition): string {
  const [element] = permissions
  const data = element?.dataActions ?? []
  return data.length > 0 ? `dataActions: [${data.join(', ')}]` : `actions: [${element?.actions.join(', ') ?? ''}]`
}

/** Whether the files know who this is, as far as they have to. */
function isKnown({ set }: Policies, principal: string): boolean {
  const [kind = '', rest = ''] = principal.split(/:(.*)/s)
  switch (kind) {
    case 'token':
      return set.tokens.some(({ name }) => name === rest)
    case 'identity':
      return set.identities.some(({ name }) => name === rest)
    case 'subject':
    case 'group':
      return set.issuers.some(({ name }) => rest.startsWith(`${name}/`))
    default:
      return true
  }
}
