/** Every recipe of the documentation, with a token as its issuer makes it: the policy is read from the page itself. */
import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Claims, callerOfFederation, federate } from '../../src/identity/federation.ts'
import type { Caller } from '../../src/policy/caller.ts'
import { decide } from '../../src/policy/decide/decide.ts'
import { effectiveRightsOf, type IndexedPrincipal } from '../../src/policy/decide/effective-rights.ts'
import type { Permission } from '../../src/registry/permission.ts'
import { verifyIssuerJwt } from '../../src/worker/identity/issuers/verify.ts'
import type { PolicyView } from '../../src/worker/store/policy-view.ts'
import { ctx, NOW, noSeal } from './tools/auth-fixture.ts'
import { jwks, makeKey, sign } from './tools/issuer.ts'
import { SERVICE, viewOf } from './tools/policy.ts'

const key = await makeKey('recipe', 'RS256')
const lifetime = { iat: NOW, nbf: NOW, exp: NOW + 300 }

/** The policy of a page is its first block in `yaml`; the keys of its issuer are replaced by ours. */
function policyOf(page: string): PolicyView {
  const text = readFileSync(new URL(`../../docs/recipes/${page}.md`, import.meta.url), 'utf8')
  const block = /```yaml\n(.*?)```/s.exec(text)?.[1]
  if (block === undefined) throw new Error(`docs/recipes/${page}.md holds no policy`)
  const view = viewOf(`registry: { service: ${SERVICE} }\n${block}`)
  const issuers = view.common.issuers.map((issuer) => ({ ...issuer, jwks: jwks(key) }))
  return { ...view, common: { ...view.common, issuers } }
}

async function callerWith(view: PolicyView, claims: Claims): Promise<Caller | string> {
  const { issuers, claims: read } = view.common
  const verified = await verifyIssuerJwt(await sign(key, claims), issuers, { ctx, now: NOW, sealing: noSeal })
  if (!verified.ok) return verified.error
  const { issuer, claims: payload, key: verifiedBy } = verified.value
  const federation = federate(issuer, payload, verifiedBy, read)
  return federation.ok ? callerOfFederation(issuer, federation.value, view.common) : federation.error
}

async function may(view: PolicyView, claims: Claims, action: Permission, repository: string): Promise<string> {
  const caller = await callerWith(view, claims)
  if (typeof caller === 'string') return caller
  const own = await Promise.all(caller.acts.map((act) => view.principal(act)))
  const known = own.filter((principal): principal is IndexedPrincipal => principal !== undefined)
  const attributes = caller.claims === undefined ? {} : { claims: caller.claims }
  return decide(effectiveRightsOf(caller, view.common, known), { action, repository, attributes, now: NOW }).effect
}

const github = {
  iss: 'https://token.actions.githubusercontent.com',
  aud: SERVICE,
  sub: 'repo:acme/app:ref:refs/heads/main',
  repository: 'acme/app',
  repository_id: '815',
  repository_owner: 'acme',
  repository_owner_id: '4711',
  ref: 'refs/heads/main',
  ref_type: 'branch',
  workflow: 'build',
  workflow_ref: 'acme/app/.github/workflows/build.yml@refs/heads/main',
  job_workflow_ref: 'acme/app/.github/workflows/build.yml@refs/heads/main',
  event_name: 'push',
  runner_environment: 'github-hosted',
  run_id: '9',
  ...lifetime,
}
const githubTag = {
  ...github,
  sub: 'repo:acme/app:ref:refs/tags/v1.2',
  ref: 'refs/tags/v1.2',
  workflow_ref: 'acme/app/.github/workflows/release.yml@refs/tags/v1.2',
}

const gitlab = {
  iss: 'https://gitlab.com',
  aud: SERVICE,
  sub: 'project_path:acme/app:ref_type:branch:ref:main',
  namespace_id: '72',
  namespace_path: 'acme',
  project_id: '20',
  project_path: 'acme/app',
  user_login: 'ada',
  pipeline_id: '574',
  ref: 'main',
  ref_type: 'branch',
  ref_protected: 'true',
  ...lifetime,
}

const buildkite = {
  iss: 'https://agent.buildkite.com',
  aud: SERVICE,
  sub: 'organization:acme:pipeline:app:ref:refs/heads/main:commit:abc:step:push',
  organization_slug: 'acme',
  pipeline_slug: 'app',
  build_number: 1,
  build_branch: 'main',
  ...lifetime,
}

const kubernetes = {
  iss: 'https://oidc.example.com/clusters/prod',
  aud: [SERVICE],
  sub: 'system:serviceaccount:ci:builder',
  'kubernetes.io': { namespace: 'ci', serviceaccount: { name: 'builder', uid: 'u' } },
  ...lifetime,
}

const google = {
  iss: 'https://accounts.google.com',
  aud: SERVICE,
  azp: '117231984412345678901',
  sub: '117231984412345678901',
  email: 'deployer@acme.iam.gserviceaccount.com',
  email_verified: true,
  ...lifetime,
}

const entra = {
  iss: 'https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0',
  aud: '66666666-7777-8888-9999-000000000000',
  tid: '11111111-2222-3333-4444-555555555555',
  ver: '2.0',
  uti: 'x',
  ...lifetime,
}
const user = {
  ...entra,
  oid: 'aaaaaaaa-0000-0000-0000-000000000001',
  sub: 'pairwise',
  scp: 'access',
  preferred_username: 'ada@acme.example',
  groups: ['bbbbbbbb-0000-0000-0000-000000000001'],
}
const servicePrincipal = {
  ...entra,
  oid: 'aaaaaaaa-0000-0000-0000-000000000002',
  sub: 'aaaaaaaa-0000-0000-0000-000000000002',
  azp: 'client',
  azpacr: '1',
  idtyp: 'app',
}
const managedIdentity = {
  ...entra,
  oid: 'aaaaaaaa-0000-0000-0000-000000000003',
  sub: 'aaaaaaaa-0000-0000-0000-000000000003',
  azpacr: '2',
  idtyp: 'app',
  xms_mirid: '/subscriptions/s/resourcegroups/r/providers/Microsoft.ManagedIdentity/userAssignedIdentities/m',
}

type Row = readonly [string, Claims, Permission, string, string]

const PAGES: Readonly<Record<string, readonly Row[]>> = {
  'github-actions': [
    ['main pushes', github, 'content/write', 'acme/app', 'allow'],
    ['main does not release', github, 'content/write', 'release/app', 'deny'],
    ['the release workflow releases', githubTag, 'content/write', 'release/app', 'allow'],
    [
      'another workflow does not',
      { ...githubTag, workflow_ref: github.workflow_ref },
      'content/write',
      'release/app',
      'deny',
    ],
    ['a branch does not', { ...githubTag, ref: 'refs/heads/v1' }, 'content/write', 'release/app', 'deny'],
    ['a pull request reads', { ...github, sub: 'repo:acme/app:pull_request' }, 'content/read', 'acme/x', 'allow'],
    [
      'a pull request does not push',
      { ...github, sub: 'repo:acme/app:pull_request' },
      'content/write',
      'acme/app',
      'deny',
    ],
    [
      'another owner does not read',
      { ...github, sub: 'repo:evil/app', repository_owner_id: '1' },
      'content/read',
      'acme/app',
      'deny',
    ],
    [
      'the default audience is refused',
      { ...github, aud: 'https://github.com/acme' },
      'content/read',
      'acme/app',
      'credential_invalid',
    ],
  ],
  'gitlab-ci': [
    ['a protected branch pushes', gitlab, 'content/write', 'acme/app', 'allow'],
    ['another branch does not', { ...gitlab, ref_protected: 'false' }, 'content/write', 'acme/app', 'deny'],
    ['a boolean is not text', { ...gitlab, ref_protected: true }, 'content/write', 'acme/app', 'deny'],
    ['a project of a subgroup reads', { ...gitlab, project_path: 'acme/team/x' }, 'content/read', 'acme/app', 'allow'],
    [
      'a group of a like name does not',
      { ...gitlab, project_path: 'acme-evil/app' },
      'content/read',
      'acme/app',
      'deny',
    ],
  ],
  buildkite: [
    ['main pushes', buildkite, 'content/write', 'acme/app', 'allow'],
    ['another branch does not', { ...buildkite, build_branch: 'main2' }, 'content/write', 'acme/app', 'deny'],
    ['another branch reads', { ...buildkite, build_branch: 'x' }, 'content/read', 'acme/app', 'allow'],
    ['another organisation does not', { ...buildkite, organization_slug: 'evil' }, 'content/read', 'acme/app', 'deny'],
  ],
  kubernetes: [
    ['the builder pushes', kubernetes, 'content/write', 'apps/x', 'allow'],
    [
      'a pod of prod reads',
      { ...kubernetes, sub: 'system:serviceaccount:prod:web' },
      'content/read',
      'apps/x',
      'allow',
    ],
    ['and does not push', { ...kubernetes, sub: 'system:serviceaccount:prod:web' }, 'content/write', 'apps/x', 'deny'],
    [
      'another namespace does not read',
      { ...kubernetes, sub: 'system:serviceaccount:dev:prod' },
      'content/read',
      'apps/x',
      'deny',
    ],
    [
      'a token for the cluster is refused',
      { ...kubernetes, aud: [kubernetes.iss] },
      'content/read',
      'apps/x',
      'credential_invalid',
    ],
  ],
  google: [
    ['the account reads', google, 'content/read', 'apps/x', 'allow'],
    ['and does not push', google, 'content/write', 'apps/x', 'deny'],
    ['another account of the same address does not', { ...google, sub: '2' }, 'content/read', 'apps/x', 'deny'],
    [
      'a token for another audience is refused',
      { ...google, aud: 'https://run.app' },
      'content/read',
      'apps/x',
      'credential_invalid',
    ],
  ],
  entra: [
    ['the user reads', user, 'content/read', 'acme/x', 'allow'],
    ['and by its group may delete', user, 'content/delete', 'team/x', 'allow'],
    [
      'but not with too many groups',
      { ...user, groups: undefined, _claim_names: { groups: 'src1' } },
      'content/delete',
      'team/x',
      'deny',
    ],
    ['the service principal pushes', servicePrincipal, 'content/write', 'acme/x', 'allow'],
    ['a user of its id does not', { ...servicePrincipal, idtyp: 'user' }, 'content/write', 'acme/x', 'deny'],
    ['the managed identity reads', managedIdentity, 'content/read', 'acme/x', 'allow'],
    ['and does not push', managedIdentity, 'content/write', 'acme/x', 'deny'],
    ['its id as sub alone is nobody', { ...entra, sub: user.oid }, 'content/read', 'acme/x', 'subject_missing'],
    [
      'a token of another tenant is refused',
      { ...user, iss: 'https://login.microsoftonline.com/other/v2.0' },
      'content/read',
      'acme/x',
      'credential_invalid',
    ],
    [
      'a token for Azure Resource Manager is refused',
      { ...user, aud: 'https://management.azure.com' },
      'content/read',
      'acme/x',
      'credential_invalid',
    ],
  ],
}

describe.each(Object.entries(PAGES))('the recipe for %s', (page, rows) => {
  let view: PolicyView
  beforeAll(() => {
    view = policyOf(page)
  })

  it.each(rows)('%s', async (_, claims, action, repository, expected) => {
    expect(await may(view, claims, action, repository)).toBe(expected)
  })
})
