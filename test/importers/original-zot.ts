/**
 * What zot itself would answer, as literal as its guide: the longest pattern that matches decides, the admin policy adds
 * to it. Shares no code with the importer.
 *
 * Source: zot, "Identity-based Authorization" of its configuration guide; doublestar v4, function Match.
 */
import { inClass } from './original-docker-auth.ts'

export type ZotPolicy = { users?: readonly string[]; groups?: readonly string[]; actions?: readonly string[] }
export type AccessControl = {
  groups?: Readonly<Record<string, { users: readonly string[] }>>
  repositories: Readonly<
    Record<
      string,
      { policies?: readonly ZotPolicy[]; defaultPolicy?: readonly string[]; anonymousPolicy?: readonly string[] }
    >
  >
  adminPolicy?: ZotPolicy
}

/** @param user `''` for an anonymous caller */
export function zotAllows(control: AccessControl, user: string, action: string, repository: string): boolean {
  let longest = ''
  for (const pattern of Object.keys(control.repositories)) {
    if (deepMatch(pattern, repository) && pattern.length > longest.length) longest = pattern
  }
  const policy = control.repositories[longest]
  const isMember = ({ users = [], groups = [] }: ZotPolicy) =>
    user !== '' && (users.includes(user) || groups.some((group) => control.groups?.[group]?.users.includes(user)))
  const isGiven = (rule: ZotPolicy) => isMember(rule) && rule.actions?.includes(action) === true
  if (policy?.policies?.some(isGiven)) return true
  const open = user === '' ? policy?.anonymousPolicy : policy?.defaultPolicy
  return open?.includes(action) === true || (control.adminPolicy !== undefined && isGiven(control.adminPolicy))
}

/** A segment `**` is any number of segments. */
export function deepMatch(pattern: string, text: string): boolean {
  const braces = /^([^{]*)\{([^}]*)\}(.*)$/.exec(pattern)
  if (braces !== null) {
    const [, head, body = '', tail] = braces
    return body.split(',').some((choice) => deepMatch(`${head}${choice}${tail}`, text))
  }
  // The library has reached the end of the name before a `*`, and does not take `*/**` for empty then.
  const [, parent] = /^(.*[^*]|)\*\/\*\*$/.exec(pattern) ?? []
  if (parent !== undefined) return deepMatch(`${parent}?*`, text) || segmentsMatch(`${parent}*/*/**`, text)
  return segmentsMatch(pattern, text)
}

function segmentsMatch(pattern: string, text: string): boolean {
  const walk = (patterns: readonly string[], segments: readonly string[]): boolean => {
    const [first, ...rest] = patterns
    if (first === undefined) return segments.length === 0
    if (first === '**') return segments.some((_, at) => walk(rest, segments.slice(at))) || walk(rest, [])
    const [segment, ...others] = segments
    return segment !== undefined && segmentMatch(first, segment) && walk(rest, others)
  }
  return walk(pattern.split('/'), text.split('/'))
}

function segmentMatch(pattern: string, text: string): boolean {
  if (pattern === '') return text === ''
  const [char, rest] = [pattern[0] ?? '', pattern.slice(1)]
  if (char === '*') return segmentMatch(rest, text) || (text !== '' && segmentMatch(pattern, text.slice(1)))
  if (text === '') return false
  if (char === '[') {
    const end = rest.indexOf(']', 1)
    return inClass(rest.slice(0, end), text[0] ?? '') && segmentMatch(rest.slice(end + 1), text.slice(1))
  }
  return (char === '?' || char === text[0]) && segmentMatch(rest, text.slice(1))
}
