/** Every kind of registry the gate is tested with, open to all: for `describe.each(registryKinds)`. */

import { startDockerRegistry } from './dockerregistry.ts'
import { startEmbeddedRegistry } from './embeddedregistry.ts'
import type { Registry } from './registry.ts'

export type { Registry, ServedRequest } from './registry.ts'
export { startDockerRegistry, startEmbeddedRegistry }

export interface RegistryKind {
  readonly kind: string
  readonly start: () => Promise<Registry>
}

export const registryKinds: readonly RegistryKind[] = [
  { kind: 'docker-registry', start: () => startDockerRegistry() },
  { kind: 'embedded registry', start: () => startEmbeddedRegistry() },
]
