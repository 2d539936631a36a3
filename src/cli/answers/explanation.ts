/**
 * An explanation as the command line tells it: the rule that comes nearest and the change that would do, in words with their
 * places in the files, and as JSON.
 */
import { formatTime } from '../../base/time.ts'
import { formatScopeMapLine, type ScopeMapLine } from '../../policy/analysis/change.ts'
import type { Change, Explanation, Mismatch, NearestGrant, Need } from '../../policy/analysis/explain.ts'
import type { UnmetTest } from '../../policy/analysis/unmet-tests.ts'
import type { RoleDefinition, Source } from '../../policy/model.ts'
import type { UnmetRule } from '../../policy/near-identity.ts'
import { formatRepositoryPattern } from '../../policy/repository-pattern.ts'
import type { Answer } from '../json/schema.ts'
import { formatPlace, type Policies } from './policies.ts'
import { formatReference } from './verdict.ts'

type Explained = Extract<Answer<'explain'>, { readonly needs: unknown }>
type StepJson = NonNullable<Explained['change']>['steps'][number]

/** What `--json` adds to a verdict. */
export type ExplanationJson = Pick<Explained, 'needs' | 'nearest' | 'change'>

/** An explanation as `--json` prints it: `schema/commands/explain.schema.json`. */
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
            lack: lackJson(nearest.lack),
            text: formatNearest(policies, nearest, principal),
          },
    change:
      changes === undefined
        ? null
        : {
            text: formatChanges(policies, changes),
            steps: changes.map((change) => stepJson(policies, change)),
          },
  }
}

function lackJson(mismatch: Mismatch): NonNullable<Explained['nearest']>['lack'] {
  if (mismatch.code === 'not_begun') return { code: mismatch.code, from: formatTime(mismatch.from) }
  return mismatch.code === 'ended' ? { code: mismatch.code, until: formatTime(mismatch.until) } : mismatch
}

function stepJson(policies: Policies, change: Change): StepJson {
  const text = formatChange(policies, change)
  const place = (source: Source | undefined) => (source === undefined ? {} : { source: policies.place(source) })
  switch (change.kind) {
    case 'authenticate':
    case 'comeAs':
      return { ...change, text }
    case 'enableToken':
    case 'useScopeMap':
      return { ...change, text, source: policies.place(change.source) }
    case 'extendScopeMap':
      return { ...change, text, lines: change.lines.map(formatScopeMapLine), source: policies.place(change.source) }
    case 'defineToken':
      return { ...change, text, lines: change.lines.map(formatScopeMapLine) }
    case 'extendAnonymous':
      return { ...change, text, lines: change.lines.map(formatScopeMapLine), ...place(change.source) }
    case 'assignRole': {
      const { kind, principal, role, isNewRole, repositories } = change
      const on = repositories === undefined ? {} : { repositories: repositories.map(formatRepositoryPattern) }
      const [{ actions = [], dataActions = [] } = {}] = role.permissions
      const define = isNewRole ? { define: { actions, dataActions } } : {}
      return { kind, text, principal, role: role.name, ...define, ...on }
    }
    case 'beginEarlier':
    case 'endLater':
      return { kind: change.kind, text, rule: policies.reference(change.rule), time: formatTime(change.time) }
    case 'spare':
      return { ...change, text, rule: policies.reference(change.rule) }
  }
}

/** The lines below the verdict: at most one line each for the needs, the nearest rule and the change. */
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

/** @param who asks: a rule of its own needs no name */
export const formatNearest = (policies: Policies, { rule, principal, lack }: NearestGrant, who: string): string =>
  `${formatReference(policies.reference(rule))} ${formatLack(policies, lack, principal === who ? '' : ` to ${principal}`)}`

const SHOWN = 5

function list(items: readonly string[]): string {
  const more = items.length - SHOWN
  return more > 0 ? `${items.slice(0, SHOWN).join(', ')} and ${more} more` : items.join(', ')
}

function formatLack(policies: Policies, mismatch: Mismatch, whom: string): string {
  switch (mismatch.code) {
    case 'not_begun':
      return `grants it${whom} from ${formatTime(mismatch.from)} on`
    case 'ended':
      return `granted it${whom} until ${formatTime(mismatch.until)}`
    case 'condition':
      return `would grant it${whom}, but its condition is not met: ${mismatch.tests.map(formatTest).join(' and ')}`
    case 'identity':
      return `grants it${whom}, but ${mismatch.unmet.map(formatUnmet).join(' and ')}`
    case 'repository':
      return `grants it${whom} on ${list(mismatch.on)}`
    case 'mode':
      return `gives the role ${mismatch.role}${whom}, which grants nothing in ${policies.set.registry.mode} mode`
    case 'permission':
      return `covers it, but grants${whom} only ${mismatch.permissions.join(', ')} there`
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

/** Changes of a policy as one line of text. */
export const formatChanges = (policies: Policies, changes: readonly Change[]): string =>
  changes.map((change) => formatChange(policies, change)).join('; then ')

function formatChange(policies: Policies, change: Change): string {
  const at = (source: Source | undefined) => (source === undefined ? '' : ` (${formatPlace(policies.place(source))})`)
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
