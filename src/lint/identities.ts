/**
 * Lints of federated identities: whether anyone who may open a pull request, or push any branch, matches them. Knows how the
 * issuers of the large forges write their claims.
 *
 * Sources: GitHub "OpenID Connect reference" (subject claims); GitLab "ID token authentication" (claims).
 */
import { matchesClaimPattern } from '../identity/claim-pattern.ts'
import type { Identity, Issuer } from '../policy/model.ts'
import type { Lint } from './lint.ts'
import { publicIssuerOf } from './public-issuers.ts'

/** The lint `?`. */
export const openIdentity: Lint = {
  id: 'open_identity',
  explanation:
    'An identity that pull requests or arbitrary branches match gives its rights to code that nobody has reviewed, from a fork too.',
  fix: 'pin the branch or tag, e.g. claims: { repository: acme/app, ref: refs/heads/main }, or a protected environment',
  *find({ policies }) {
    const issuers = new Map(policies.issuers.map((issuer) => [issuer.name, issuer]))
    for (const identity of policies.identities) {
      const opening = openingOf(identity, issuers.get(identity.issuer))
      if (opening !== undefined) yield { source: identity.source, message: `identity ${identity.name} ${opening}` }
    }
  },
}

/** A pattern that any value matches says nothing: stars, and slashes between them. */
const isAnything = (pattern: string): boolean => /^[*/]*\*[*/]*$/.test(pattern)

/** Whether the claims of a public issuer leave open whose account it is; in words that follow the identity's name. */
function anyAccountOf(issuer: Issuer, subject: string | undefined, claims: Patterns): string | undefined {
  const found = publicIssuerOf(issuer)
  if (found === undefined) return undefined
  const { accounts, accountClaims } = found
  const patterns = [accountOf(subject), ...accountClaims.map((name) => claims[name])]
  if (patterns.some((pattern) => pattern !== undefined && fixesAccount(pattern))) return undefined
  return `matches ${accounts}: no claim says whose it is`
}

/** What GitHub's customised subjects begin with if they name an account, or something of one. */
const ACCOUNT_KEYS =
  /^(?:repo|repository|repository_id|repository_owner|repository_owner_id|organization|enterprise|enterprise_id|workflow_ref|project_path|namespace_path):/

/** The account that a subject names first; undefined if it begins with something else, which anybody may have. */
const accountOf = (subject: string | undefined): string | undefined => {
  if (subject === undefined) return undefined
  const isKeyed = /^[a-z][a-z_]*:/.test(subject)
  return isKeyed && !ACCOUNT_KEYS.test(subject) ? undefined : subject.replace(/^[a-z_]+:/, '')
}

/** An account is the first segment of every claim that names it. Anybody can open one that begins alike. */
const fixesAccount = (pattern: string): boolean => !pattern.replace(/\/.*/s, '').includes('*')

/** Who matches that should not; in words that follow the identity's name. */
function openingOf(identity: Identity, issuer: Issuer | undefined): string | undefined {
  const claims = Object.fromEntries(Object.entries(identity.claims).filter(([, pattern]) => !isAnything(pattern)))
  const subject = identity.subject ?? claims[issuer?.subjectClaim ?? 'sub']
  if (subject === undefined && Object.keys(claims).length === 0)
    return 'is everybody of the issuer: its claims are only *'
  const url = issuer?.issuer ?? ''
  const everywhere = issuer === undefined ? undefined : anyAccountOf(issuer, subject, claims)
  if (everywhere !== undefined) return everywhere
  if (/(?:^|\/|\.)token\.actions\.githubusercontent\.com(?:\/|$)|\/_services\/token$/.test(url)) {
    return openingOfGitHub(subject, claims)
  }
  return /gitlab/i.test(url) || 'project_path' in claims || 'namespace_path' in claims
    ? openingOfGitLab(subject, claims)
    : undefined
}

const PULL_REQUEST = 'matches pull requests, whose code nobody has reviewed'
const ANY_BRANCH = 'matches any branch'

/**
 * Whether some subject matches that goes on like this after its repository: subjects are `repo:NAME:…` at GitHub and
 * `project_path:NAME:…` at GitLab.
 */
function matchesEnding(pattern: string, ending: string): boolean {
  const parts = pattern.split(':')
  const head = parts.length > 2 ? parts.slice(0, 2).join(':') : pattern.replace(/\*+([^*]*)$/, 'x')
  return matchesClaimPattern(pattern, `${head.replaceAll(/\*+/g, 'x')}:${ending}`)
}

const isFor = (pattern: string | undefined, value: string): boolean =>
  pattern === undefined || matchesClaimPattern(pattern, value)

type Patterns = Readonly<Record<string, string>>

function openingOfGitHub(subject: string | undefined, claims: Patterns): string | undefined {
  if (subject?.endsWith(':pull_request') || claims.event_name?.startsWith('pull_request')) return PULL_REQUEST
  const pinned = ['environment', 'ref_protected', 'workflow_ref', 'job_workflow_ref'].some((name) =>
    name === 'ref_protected' ? claims[name] === 'true' : claims[name] !== undefined,
  )
  if (pinned) return undefined
  const hasSubject = subject !== undefined
  if (!hasSubject && claims.repository === undefined && claims.repository_id === undefined) {
    const owner = claims.repository_owner ?? claims.repository_owner_id
    return owner === undefined ? undefined : `matches every repository of ${owner}, and any branch of it`
  }
  if (hasSubject && claims.ref === undefined) {
    if (/:environment:[^*]/.test(subject)) return undefined
    if (matchesEnding(subject, 'pull_request')) return PULL_REQUEST
    return matchesEnding(subject, 'ref:refs/heads/any') || matchesEnding(subject, 'ref:refs/heads/any/branch')
      ? ANY_BRANCH
      : undefined
  }
  if (isFor(claims.ref, 'refs/pull/1/merge') && isFor(claims.ref_type, 'branch')) return PULL_REQUEST
  return isFor(claims.ref, 'refs/heads/any') || isFor(claims.ref, 'refs/heads/any/branch') ? ANY_BRANCH : undefined
}

function openingOfGitLab(subject: string | undefined, claims: Patterns): string | undefined {
  if (claims.ref_protected === 'true' || claims.environment_protected === 'true') return undefined
  if (subject !== undefined) {
    return matchesEnding(subject, 'ref_type:branch:ref:any') ? `${ANY_BRANCH}: add ref_protected: "true"` : undefined
  }
  if (claims.project_path === undefined && claims.project_id === undefined) {
    const group = claims.namespace_path ?? claims.namespace_id
    return group === undefined ? undefined : `matches every project of ${group}, and any branch of it`
  }
  return isFor(claims.ref, 'any') ? `${ANY_BRANCH}: add ref_protected: "true"` : undefined
}
