/** Scope maps and tokens of Azure's lists. Their passwords are not in the lists: policy files may give them. */
import type { ScopeMap, Token } from '../../policy/model.ts'
import type { Entry } from '../entry.ts'
import { readName, readScopeMapLine } from '../field.ts'
import { complaint } from '../problem.ts'
import type { AzureItem, Context, Item } from './context.ts'
import { optional } from './optional.ts'
import { scopeMapAction } from './scope-maps.ts'
import { credentialsOf } from './tokens.ts'

/** Reads a scope map of Azure's list. Reports what is wrong with it; an empty list if it cannot be used. */
export function resolveAzureScopeMap(
  { name, entry, value }: AzureItem<'scopeMaps'>,
  context: Pick<Context, 'declared' | 'report'>,
): readonly ScopeMap[] {
  if (value === undefined || !isFree('scope map', name, entry, context)) return []
  const { report } = context
  const actions = value.actions.flatMap((text, index) => {
    const line = readScopeMapLine(text.toLowerCase())
    if (line.ok) return scopeMapAction(line.value, entry.at('actions', index), report)
    report.warning(entry.at('actions', index), { ...line.error, hint: 'it grants nothing' })
    return []
  })
  return [{ name, ...optional('description', value.description), actions, source: entry.source }]
}

/** @param own the entry of the same name in a policy file */
export function resolveAzureToken(
  { name, entry, value }: AzureItem<'tokens'>,
  own: Item<'tokens'> | undefined,
  context: Pick<Context, 'declared' | 'names' | 'report'>,
): readonly Token[] {
  if (value === undefined) return []
  const { names, report } = context
  const passwords = own?.value?.scopeMap === undefined ? own?.value : undefined
  // The entry that gives the passwords has the name already.
  const kind = passwords === undefined ? 'token' : 'token of an Azure list'
  if (!isFree(kind, name, entry, context)) return []
  const wanted = value.scopeMapId.slice(value.scopeMapId.lastIndexOf('/') + 1)
  const scopeMap = names.inAnyCase('scope map', wanted)
  names.require('scope map', scopeMap, entry.at('scopeMapId'))
  const status = value.status?.toLowerCase() ?? 'enabled'
  if (status !== 'enabled' && status !== 'disabled') {
    report.warning(
      entry.at('status'),
      complaint('not_allowed', `unknown status "${value.status}"`, 'the token counts as disabled'),
    )
  }
  const credentials = passwords === undefined ? [] : credentialsOf(passwords)
  if (credentials.length === 0) {
    const hint = `add \`tokens: { ${name}: { credentials: ... } }\` to a file of yours`
    report.warning(
      entry.source,
      complaint(
        'token_without_password',
        `Azure does not export the passwords of ${name}: nobody can use it yet`,
        hint,
      ),
    )
  }
  return [{ name, scopeMap, status: status === 'enabled' ? 'enabled' : 'disabled', credentials, source: entry.source }]
}

function isFree(
  kind: string,
  name: string,
  entry: Entry,
  { declared, report }: Pick<Context, 'declared' | 'report'>,
): boolean {
  const valid = readName(name)
  if (!valid.ok) report.error(entry.at('name'), valid.error)
  return declared.claim(kind, name, entry.at('name'))
}
