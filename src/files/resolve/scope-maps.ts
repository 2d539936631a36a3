/** Scope maps, and the other lists of their lines. Lines that are about gateways are reported, and grant nothing. */
import type { ScopeMap, ScopeMapAction, Source } from '../../policy/model.ts'
import type { Entry } from '../entry.ts'
import type { ScopeMapLine } from '../field.ts'
import { complaint, type Report } from '../problem.ts'
import type { Context, Item } from './context.ts'
import { optional } from './optional.ts'

const GATEWAY = complaint(
  'gateway_action',
  'actions of gateways (connected registries) mean nothing here',
  'it grants nothing',
)

/** Checks a scope map. Reports what is wrong with it; an empty list if it cannot be used. */
export function resolveScopeMap(
  { name, entry, value }: Item<'scopeMaps'>,
  { report }: Pick<Context, 'report'>,
): readonly ScopeMap[] {
  if (value === undefined) return []
  const actions = scopeMapActions(value.actions, entry.child('actions'), report)
  return [{ name, ...optional('description', value.description), actions, source: entry.source }]
}

/** What the lines of `list` grant. */
export const scopeMapActions = (
  lines: readonly ScopeMapLine[],
  list: Entry,
  report: Report,
): readonly ScopeMapAction[] => lines.flatMap((line, index) => scopeMapAction(line, list.at(index), report))

/** What one line grants, if anything. */
export function scopeMapAction(line: ScopeMapLine, source: Source, report: Report): readonly ScopeMapAction[] {
  if (line.kind === 'repository') return [{ repository: line.repository, permission: line.permission, source }]
  report.warning(source, GATEWAY)
  return []
}
