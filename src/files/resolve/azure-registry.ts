/** Which registry Azure's lists are about, and which of their items. Those of another one are reported, and grant nothing. */
import { parseScope, registryOf, registryScope, type Scope } from '../azure.ts'
import type { Declarations, Declared } from '../collect.ts'
import { complaint, type Report } from '../problem.ts'
import type { AzureItem } from './context.ts'

/** The registry to which Azure's lists belong. */
export type AzureRegistry = {
  /** Whether what holds for a scope holds for this registry. */
  readonly isWithin: (scope: Scope) => boolean
  readonly scopeMaps: readonly AzureItem<'scopeMaps'>[]
  readonly tokens: readonly AzureItem<'tokens'>[]
}

/** Finds the registry to which Azure's lists belong. Reports lists that name several. */
export function azureRegistryOf({ azure, registry }: Declarations, report: Report): AzureRegistry {
  const scopes = [
    ...azure.roleAssignments.map(({ value }) => parseScope(value?.scope ?? '')),
    ...[...azure.scopeMaps, ...azure.tokens].map(({ value }) => registryOf(value?.id)),
  ].filter((scope) => scope !== undefined)
  const settings = registry[0]?.value
  const isWithin = registryScope(scopes, [settings?.azureRegistry, settings?.service.split('.')[0]])
  const own = <T extends Declared<{ readonly id?: string }>>(items: readonly T[]): readonly T[] =>
    items.filter((item) => {
      const scope = registryOf(item.value?.id)
      if (scope === undefined || isWithin(scope)) return true
      const what = `${item.name} belongs to the registry "${scope.registry}", not to this one`
      report.warning(item.entry.at('id'), complaint('azure_scope', what, 'it grants nothing'))
      return false
    })
  return { isWithin, scopeMaps: own(azure.scopeMaps), tokens: own(azure.tokens) }
}

/** A set of nothing but Azure lists is about the registry that they name. */
export function azureService({ azure, registry, ...sections }: Declarations): string | undefined {
  if (Object.values(sections).some((list) => Array.isArray(list) && list.length > 0)) return undefined
  const names = [...azure.scopeMaps, ...azure.tokens].map(({ value }) => registryOf(value?.id)?.registry)
  const [name] = new Set(names)
  return name === undefined || new Set(names).size > 1 ? undefined : `${name}.azurecr.io`
}
