/**
 * Shell patterns of other systems as places: Go's `path.Match`, in which `*` stays inside one segment, and doublestar's,
 * in which a segment `**` spans any number of them. Exact, or nothing: what cannot be said in a condition is not guessed.
 *
 * Source: Go standard library, package "path", function Match; doublestar v4, function Match.
 */
import { and, EVERYWHERE, NOWHERE, not, or, type Where } from './where.ts'

/** The characters of repository names, which alone a class can mean. */
export const ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789._-'
const MAX_ALTERNATIVES = 100

/** A pattern as alternatives without classes and braces; `*` and `?` are wild, everything else is itself. */
type Plain = string

/** Where `pattern` of `path.Match` matches a repository name. */
export function globWhere(pattern: string): Where | undefined {
  const alternatives = expandClasses(pattern)
  return alternatives === undefined ? undefined : or(...alternatives.map(shallow))
}

/** The same for doublestar. */
export function deepGlobWhere(pattern: string): Where | undefined {
  const parts: Where[] = []
  for (const braceless of expandBraces(pattern) ?? ['[']) {
    const alternatives = expandClasses(braceless)
    if (alternatives === undefined) return undefined
    for (const alternative of alternatives) {
      const where = deep(alternative)
      if (where === undefined) return undefined
      parts.push(where)
    }
  }
  return or(...parts)
}

/** At least the names that `pattern` matches, for rules that must not reach them. */
export function looseGlobWhere(pattern: string): Where {
  const loose = pattern
    .replace(/\$\{[^}]*\}|\{[^}]*\}|\[[^\]]*\]|\\./g, '*')
    .replace(/\/\*\*(?=\/|$)|\*\*\//g, '*')
    .replace(/[*?]+/g, '*')
  if ([...loose].every((char) => ALPHABET.includes(char) || char === '/' || char === '*')) return like(loose)
  return EVERYWHERE
}

/** Names with exactly this many slashes: the slashes of a pattern are all that a match has. */
const slashesOf = (pattern: string): number => pattern.split('/').length - 1
export const atMostSlashes = (count: number): Where => not({ kind: 'like', pattern: `${'*/'.repeat(count + 1)}*` })

/** `*` and `?` that may not take a slash: the name has no more slashes than the pattern. */
export function shallow(pattern: Plain): Where {
  if (!isNameLike(pattern)) return NOWHERE
  const where = like(pattern)
  return where.kind === 'equals' ? where : and(where, atMostSlashes(slashesOf(pattern)))
}

/** `*` and `?` that may take a slash. */
export function like(pattern: Plain): Where {
  if (!isNameLike(pattern)) return NOWHERE
  if (pattern === '*') return EVERYWHERE
  if (!/[*?]/.test(pattern)) return { kind: 'equals', name: pattern }
  const prefix = /^([^*?]+)\*$/.exec(pattern)?.[1]
  return prefix === undefined ? { kind: 'like', pattern } : { kind: 'prefix', prefix }
}

/** No repository has a name with other characters. */
const isNameLike = (pattern: Plain): boolean =>
  [...pattern].every((char) => ALPHABET.includes(char) || '/*?'.includes(char))

function deep(pattern: Plain): Where | undefined {
  const segments = pattern.split('/')
  const at = segments.indexOf('**')
  if (at < 0) return shallow(pattern.replace(/\*+/g, '*'))
  if (segments.indexOf('**', at + 1) >= 0) return undefined
  const before = segments.slice(0, at).join('/').replace(/\*+/g, '*')
  const after = segments
    .slice(at + 1)
    .join('/')
    .replace(/\*+/g, '*')
  if (before === '' && after === '') return EVERYWHERE
  if (/[*?]/.test(after)) return undefined
  if (after !== '') {
    if (/[*?]/.test(before)) return undefined
    const rest = before === '' ? `*/${after}` : `${before}/*/${after}`
    return or(shallow([before, after].filter((part) => part !== '').join('/')), like(rest))
  }
  // A wildcard before the last character could reach into later segments.
  return /^[^*?]*\*?$/.test(before) ? or(shallow(before), like(`${before}/*`)) : undefined
}

/** `{a,b}`, not nested. */
function expandBraces(pattern: string): readonly string[] | undefined {
  const match = /^([^{}]*)\{([^{}]*)\}(.*)$/s.exec(pattern)
  if (match === null) return /[{}]/.test(pattern) ? undefined : [pattern]
  const [, head = '', body = '', tail = ''] = match
  const tails = expandBraces(tail)
  const all = tails && body.split(',').flatMap((choice) => tails.map((rest) => head + choice + rest))
  return all !== undefined && all.length <= MAX_ALTERNATIVES ? all : undefined
}

/** Classes and escapes written out; nothing if there are too many, or the pattern is malformed. */
function expandClasses(pattern: string): readonly Plain[] | undefined {
  let results: readonly string[] = ['']
  for (let index = 0; index < pattern.length; index++) {
    const char = pattern[index] ?? ''
    let choices: readonly string[] = [char]
    if (char === '\\') {
      index += 1
      const escaped = pattern[index]
      if (escaped === undefined) return undefined
      // A name has neither; a character that no name has says so.
      choices = [escaped === '*' || escaped === '?' ? '\\' : escaped]
    } else if (char === '[') {
      const end = pattern.indexOf(']', index + 2)
      const members = end < 0 ? undefined : classMembers(pattern.slice(index + 1, end))
      if (members === undefined) return undefined
      choices = members
      index = end
    }
    results = results.flatMap((result) => choices.map((choice) => result + choice))
    if (results.length > MAX_ALTERNATIVES) return undefined
  }
  return results
}

/** The characters that a class means; nothing if it may mean a slash. */
export function classMembers(body: string): readonly string[] | undefined {
  const negated = body.startsWith('^')
  const set = negated ? body.slice(1) : body
  if (set === '' || /[\\[]/.test(set)) return undefined
  const isMember = (char: string): boolean => {
    for (let index = 0; index < set.length; index++) {
      const [low = '', dash, high] = set.slice(index, index + 3)
      if (dash === '-' && high !== undefined) {
        if (low <= char && char <= high) return true
        index += 2
      } else if (low === char) return true
    }
    return false
  }
  if (isMember('/') !== negated) return undefined
  return [...ALPHABET].filter((char) => isMember(char) !== negated)
}

/** `path.Match` of a whole text: for what is known when it is imported. */
export function globMatches(pattern: string, text: string): boolean {
  const source = pattern.replace(/\\(.)|\[(\^?[^\]]+)\]|([*?])|([.+^$(){}|/])/gs, (_, escaped, set, wild, special) => {
    if (escaped !== undefined) return String(escaped).replace(/\W/, '\\$&')
    if (set !== undefined) return `[${set}]`
    if (wild !== undefined) return wild === '*' ? '[^/]*' : '[^/]'
    return `\\${special}`
  })
  try {
    return new RegExp(`^(?:${source})$`, 's').test(text)
  } catch {
    return false
  }
}
