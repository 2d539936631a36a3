/**
 * The action patterns of Azure roles and of `ActionMatches`: `*` may stand anywhere and spans segments, everything else
 * is literal, letter case does not count. Never says what an action means.
 *
 * Source: Azure "role-definitions", sections on actions, notActions and wildcards.
 */
import { matchesWildcards } from './wildcard.ts'

/** Whether `action`, in Azure's full spelling, matches `pattern`. */
export const matchesAction = (pattern: string, action: string): boolean =>
  matchesWildcards(pattern.toLowerCase(), action.toLowerCase())

/**
 * Whether one element of a role's permissions holds `action`: some pattern of `actions` matches and none of `notActions`.
 * The subtraction ends with this element; it denies nothing that another one grants.
 */
export function isActionGranted(actions: readonly string[], notActions: readonly string[], action: string): boolean {
  const matches = (pattern: string) => matchesAction(pattern, action)
  return actions.some(matches) && !notActions.some(matches)
}
