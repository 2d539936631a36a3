/**
 * What docker_auth itself would answer, as literal as its description: entries from top to bottom, the first that matches
 * decides. Shares no code with the importer; its patterns are matched one character after the other.
 *
 * Source: docker_auth, comments of its reference configuration; Go package "path", function Match.
 */
export type AclEntry = {
  readonly match: { readonly account?: string; readonly type?: string; readonly name?: string; readonly ip?: string }
  readonly actions: readonly string[]
}
export type Ask = {
  readonly account: string
  readonly type: string
  readonly name: string
  readonly ip: string
  readonly action: string
}

export function aclAllows(acl: readonly AclEntry[], ask: Ask): boolean {
  const entry = acl.find(({ match }) => matches(match, ask))
  if (entry === undefined) return false
  return (entry.actions.length === 1 && entry.actions[0] === '*') || entry.actions.includes(ask.action)
}

function matches(match: AclEntry['match'], ask: Ask): boolean {
  const groups = match.account?.startsWith('/') ? new RegExp(match.account.slice(1, -1)).exec(ask.account) : null
  const filled = (text: string) =>
    text
      .replace(/\$\{(account|type|name)\}/g, (_, key: 'account' | 'type' | 'name') => quoted(ask[key]))
      .replace(/\$\{account:(\d)\}/g, (whole, group) => groups?.[Number(group)] ?? whole)
  for (const key of ['account', 'type', 'name'] as const) {
    const pattern = match[key]
    if (pattern !== undefined && !matchText(filled(pattern), ask[key])) return false
  }
  return match.ip === undefined || inRange(ask.ip, match.ip)
}

const quoted = (text: string) =>
  [...text].map((char) => ('\\.+*?()|[]{}^$'.includes(char) ? `\\${char}` : char)).join('')

const matchText = (pattern: string, text: string): boolean =>
  pattern.length > 2 && pattern.startsWith('/') && pattern.endsWith('/')
    ? new RegExp(pattern.slice(1, -1)).test(text)
    : pathMatch(pattern, text)

/** `*` and `?` stop at a slash. */
export function pathMatch(pattern: string, text: string): boolean {
  if (pattern === '') return text === ''
  const [char, rest] = [pattern[0] ?? '', pattern.slice(1)]
  if (char === '*') {
    if (pathMatch(rest, text)) return true
    return text !== '' && text[0] !== '/' && pathMatch(pattern, text.slice(1))
  }
  if (text === '') return false
  if (char === '?') return text[0] !== '/' && pathMatch(rest, text.slice(1))
  if (char === '\\') return rest[0] === text[0] && pathMatch(rest.slice(1), text.slice(1))
  if (char === '[') {
    const end = rest.indexOf(']', 1)
    return inClass(rest.slice(0, end), text[0] ?? '') && pathMatch(rest.slice(end + 1), text.slice(1))
  }
  return char === text[0] && pathMatch(rest, text.slice(1))
}

export function inClass(body: string, char: string): boolean {
  if (body.startsWith('^')) return !inClass(body.slice(1), char)
  for (let at = 0; at < body.length; at++) {
    if (body[at + 1] === '-' && at + 2 < body.length) {
      if ((body[at] ?? '') <= char && char <= (body[at + 2] ?? '')) return true
      at += 2
    } else if (body[at] === char) return true
  }
  return false
}

function inRange(address: string, range: string): boolean {
  const [base = '', bits = '32'] = range.split('/')
  const value = (text: string) => text.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
  const size = 2 ** (32 - Number(bits))
  return Math.floor(value(address) / size) === Math.floor(value(base) / size)
}
