/**
 * The action patterns of Azure roles and of `ActionMatches`: `*` may stand anywhere and spans segments, everything else
 * is literal, letter case does not count. Never says what an action means.
 *
 * Source: Azure "role-definitions", sections on actions, notActions and wildcards.
 */

/** Whether `action`, in Azure's full spelling, matches `pattern`. Linear: each literal piece is searched for once. */
export function matchesAction(pattern: string, action: string): boolean {
  const pieces = pattern.toLowerCase().split('*')
  const text = action.toLowerCase()
  const first = pieces[0] ?? ''
  if (pieces.length === 1) return text === first
  const last = pieces[pieces.length - 1] ?? ''
  const end = text.length - last.length
  if (!text.startsWith(first) || !text.endsWith(last)) return false
  let position = first.length
  for (const piece of pieces.slice(1, -1)) {
    const found = text.indexOf(piece, position)
    if (found === -1) return false
    position = found + piece.length
  }
  return position <= end
}

/**
 * Whether one element of a role's permissions holds `action`: some pattern of `actions` matches and none of `notActions`.
 * The subtraction ends with this element; it denies nothing that another one grants.
 */
export function isActionGranted(actions: readonly string[], notActions: readonly string[], action: string): boolean {
  const matches = (pattern: string) => matchesAction(pattern, action)
  return actions.some(matches) && !notActions.some(matches)
}
