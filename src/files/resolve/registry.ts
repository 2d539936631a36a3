/** The settings of the gate; those of a set without any, too. */
import type { RegistrySettings } from '../../policy/model.ts'
import type { Declarations } from '../collect.ts'
import { DEFAULT_SERVICE } from '../definition.ts'
import type { Names } from '../names.ts'
import { complaint, type Report } from '../problem.ts'
import { azureService } from './azure-registry.ts'
import { scopeMapActions } from './scope-maps.ts'

/** The settings of the gate, with their defaults. */
export function resolveRegistry(declared: Declarations, names: Names, report: Report): RegistrySettings {
  const [item] = declared.registry
  if (item === undefined) {
    // What a broken file declares is not known, and its own mistake is reported.
    if (report.errors === 0 && isEmpty(declared)) {
      const first = { file: '.', line: 1, column: 1 }
      const hint = 'add a file with `registry: { service: <host name of the gate> }`, and who may do what'
      report.error(first, complaint('nothing_declared', 'no file declares anything', hint))
    }
    return {
      service: azureService(declared) ?? DEFAULT_SERVICE,
      mode: 'abac',
      catalog: 'filtered',
      anonymous: [],
      tokenLifetimeSeconds: 900,
    }
  }
  const { entry, value } = item
  if (value?.entraIssuer !== undefined) names.require('issuer', value.entraIssuer, entry.at('entraIssuer'))
  return {
    service: value?.service ?? DEFAULT_SERVICE,
    mode: value?.mode ?? 'abac',
    catalog: value?.catalog ?? 'filtered',
    anonymous: scopeMapActions(value?.anonymous ?? [], entry.child('anonymous'), report),
    tokenLifetimeSeconds: value?.tokenLifetimeSeconds ?? 900,
  }
}

/** An empty folder is a mistake: nobody means to refuse everything. */
function isEmpty({ azure, ...sections }: Declarations): boolean {
  return [...Object.values(sections), ...Object.values(azure)].every(
    (list) => !Array.isArray(list) || list.length === 0,
  )
}
