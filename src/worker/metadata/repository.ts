/** A repository of a metadata call: what protects it, and how each answer about it begins. */
import { protectionsOn, type Quarantine, quarantineOf } from '../../policy/decide/protections.ts'
import type { RepositoryName } from '../../registry/name.ts'
import {
  type GuardPorts,
  hostOf,
  type ProtectedRepository,
  protectedRepository,
} from '../protections/protected-repository.ts'

/** A repository whose attributes the gate answers. */
export type MetadataRepository = ProtectedRepository & {
  readonly ports: GuardPorts
  readonly quarantine: Quarantine | undefined
  /** How each answer begins. */
  readonly head: { readonly registry: string; readonly imageName: string }
}

/** The repository of a call. */
export function metadataRepository(name: RepositoryName, ports: GuardPorts): MetadataRepository {
  const repository = protectedRepository(name, ports)
  return {
    ...repository,
    ports,
    quarantine: quarantineOf(protectionsOn(ports.common, name)),
    head: { registry: hostOf(repository.forwarding), imageName: name },
  }
}
