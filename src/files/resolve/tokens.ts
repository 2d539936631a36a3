/** Tokens of policy files. An entry that only gives passwords belongs to a token of an Azure list. */
import type { Credential, Token } from '../../policy/model.ts'
import { complaint } from '../problem.ts'
import type { Context, Item } from './context.ts'

/** @param azure names of the tokens of Azure's lists */
export function resolveToken(
  { name, entry, value }: Item<'tokens'>,
  azure: ReadonlySet<string>,
  { names, report }: Pick<Context, 'names' | 'report'>,
): readonly Token[] {
  if (value === undefined) return []
  const { scopeMap } = value
  if (scopeMap === undefined) {
    if (!azure.has(name)) {
      const hint = 'add scopeMap: what the token may do; one with `actions: []` leaves that to role assignments'
      report.error(entry.source, complaint('missing_key', 'scopeMap is missing', hint))
    } else if (value.status !== undefined) {
      const what = 'the status of this token comes from the Azure list'
      report.error(
        entry.keyAt('status'),
        complaint('ambiguous', what, 'remove status, or take the token out of the list'),
      )
    }
    return []
  }
  names.require('scope map', scopeMap, entry.at('scopeMap'))
  return [
    { name, scopeMap, status: value.status ?? 'enabled', credentials: credentialsOf(value), source: entry.source },
  ]
}

/** The passwords that an entry gives. */
export function credentialsOf({ credentials = {} }: NonNullable<Item<'tokens'>['value']>): readonly Credential[] {
  const { password1, password2 } = credentials
  return [
    ...(password1 === undefined ? [] : [{ name: 'password1', ...password1 }]),
    ...(password2 === undefined ? [] : [{ name: 'password2', ...password2 }]),
  ]
}
