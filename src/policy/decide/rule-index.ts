/**
 * A principal's compiled data, opened for deciding: indexed by repository name. Opened once per isolate and principal.
 */
import type { ControlGrantData, DenyData, GrantData, PrincipalData } from './compiled.ts'
import { NameIndex } from './name-index.ts'

/** The rules of one principal, by repository name. */
export type RuleIndex = {
  readonly grants: NameIndex<GrantData>
  readonly control: readonly ControlGrantData[]
  readonly denies: DenyIndex
  /** Denies that are only audited. */
  readonly audits: DenyIndex
}

/** `all` lists every deny once; the index finds those of a repository. */
export type DenyIndex = { readonly all: readonly DenyData[]; readonly index: NameIndex<DenyData> }

const NO_DENIES: DenyIndex = indexDenies([])

/** Indexes grants and denies by repository name. */
export function indexRules(data: PrincipalData): RuleIndex {
  const grants = new NameIndex<GrantData>()
  for (const grant of data.grants ?? []) grants.add(grant.on, grant)
  return {
    grants,
    control: data.control ?? [],
    denies: data.denies === undefined ? NO_DENIES : indexDenies(data.denies),
    audits: data.audits === undefined ? NO_DENIES : indexDenies(data.audits),
  }
}

/** Indexes denies by repository name. */
export function indexDenies(denies: readonly DenyData[]): DenyIndex {
  const index = new NameIndex<DenyData>()
  for (const deny of denies) for (const pattern of deny.on ?? ['*']) index.add(pattern, deny)
  return { all: denies, index }
}
