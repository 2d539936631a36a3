/** Accounts of tests: tokens of a policy file, each with a secret made of its name. */

import { sha256 } from './gate.ts'

export const secretOf = (name: string): string => `${name}-secret-of-this-test-only`

/** A line below `tokens:`. */
export const token = (name: string, scopeMap: string): string =>
  `  ${name}: { scopeMap: ${scopeMap}, credentials: { password1: { sha256: ${sha256(secretOf(name))} } } }`
