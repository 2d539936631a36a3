/**
 * Issuers that sign in anybody who opens an account, for any audience that is asked for: their JWTs say who somebody is, and
 * nothing of whether they belong here.
 *
 * Sources: the OpenID Connect documents of GitHub Actions, GitLab CI, Buildkite, HCP Terraform, Google and Microsoft Entra.
 */
import type { Issuer } from '../policy/model.ts'

/** An issuer at which anyone may have an account. */
export type PublicIssuer = {
  /** Who can sign in, in words. */
  readonly accounts: string
  /** Claims that begin with the account, or are its number. */
  readonly accountClaims: readonly string[]
}

const PUBLIC_ISSUERS: Readonly<Record<string, PublicIssuer>> = {
  'https://token.actions.githubusercontent.com': {
    accounts: 'any repository of any GitHub account',
    accountClaims: [
      ...['repository', 'repository_id', 'repository_owner', 'repository_owner_id'],
      ...['workflow_ref', 'job_workflow_ref', 'enterprise', 'enterprise_id'],
    ],
  },
  'https://gitlab.com': {
    accounts: 'any project of any GitLab.com account',
    accountClaims: [
      ...['project_path', 'project_id', 'namespace_path', 'namespace_id'],
      ...['user_login', 'user_id', 'user_email', 'ci_config_ref_uri'],
    ],
  },
  'https://agent.buildkite.com': {
    accounts: 'any pipeline of any Buildkite organization',
    accountClaims: ['organization_slug', 'organization_id', 'pipeline_id'],
  },
  'https://app.terraform.io': {
    accounts: 'any workspace of any HCP Terraform organization',
    accountClaims: ['terraform_organization_name', 'terraform_organization_id', 'terraform_workspace_id'],
  },
  'https://accounts.google.com': {
    accounts: 'any Google account',
    accountClaims: ['email', 'hd', 'azp'],
  },
  'https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0': {
    accounts: 'any personal Microsoft account',
    accountClaims: ['oid', 'email', 'preferred_username'],
  },
}

/** The public issuer with the URL of an issuer; undefined if it is not public. */
export const publicIssuerOf = ({ issuer }: Pick<Issuer, 'issuer'>): PublicIssuer | undefined =>
  Object.hasOwn(PUBLIC_ISSUERS, issuer) ? PUBLIC_ISSUERS[issuer] : undefined
