/** Every lint, and the page that lists them. Never prints. */
import type { Source } from '../policy/model.ts'
import {
  coveredByAnother,
  expired,
  neverMatches,
  prefixWithoutSlash,
  repeatedAssignment,
  roleWithoutEffect,
  unscopedAssignment,
} from './assignments.ts'
import { doubtfulDeny, everyoneOfPublicIssuer, prefixFromClaim } from './claims.ts'
import { auditedDeny, unreachableDeny } from './denies.ts'
import { openIdentity } from './identities.ts'
import type { Lint, Subject } from './lint.ts'
import { protectionWithoutEffect, ruleBehindProtection } from './protections.ts'
import { dataActionInActions, unrestrictedRight } from './roles.ts'
import { unknownTestPrincipal } from './tests.ts'
import {
  anonymousWrite,
  credentialWithoutExpiry,
  pushWithoutRead,
  shortTokenName,
  unusedScopeMap,
  wildcardOverEverything,
} from './tokens.ts'

/** The gravest first. */
export const LINTS: readonly Lint[] = [
  anonymousWrite,
  openIdentity,
  everyoneOfPublicIssuer,
  unknownTestPrincipal,
  wildcardOverEverything,
  prefixWithoutSlash,
  prefixFromClaim,
  unrestrictedRight,
  unscopedAssignment,
  roleWithoutEffect,
  dataActionInActions,
  neverMatches,
  unreachableDeny,
  auditedDeny,
  doubtfulDeny,
  protectionWithoutEffect,
  ruleBehindProtection,
  pushWithoutRead,
  coveredByAnother,
  repeatedAssignment,
  credentialWithoutExpiry,
  expired,
  unusedScopeMap,
  shortTokenName,
]

/** A finding as `dockgate check` reports it. */
export type LintWarning = {
  readonly severity: 'warning'
  /** Id of the lint. */
  readonly code: string
  readonly source: Source
  readonly message: string
  readonly hint: string
}

/** All findings, lint by lint. */
export const lint = (subject: Subject): readonly LintWarning[] =>
  LINTS.flatMap(({ id, fix, find }) =>
    [...find(subject)].map(
      ({ source, message, hint = fix }): LintWarning => ({ severity: 'warning', code: id, source, message, hint }),
    ),
  )

/** `docs/lints.md`. */
export const lintsPage = (): string =>
  [
    '# Lints',
    '',
    '`dockgate check` warns of policies that are valid and yet may not mean what they seem to. A lint is never an error: it',
    'does not change the exit status, and grants and denies nothing. Each warning ends with the id of its lint.',
    ...LINTS.flatMap(({ id, explanation, fix }) => ['', `## ${id}`, '', explanation, '', `Fix: ${fix}.`]),
    '',
  ].join('\n')
