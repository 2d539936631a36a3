/**
 * The OCI distribution-spec 1.1 as tests: one per MUST that a registry can break, named by its section and its `end-`
 * row. It runs against any base URL: a registry, or a registry behind the gate, whose answers must be the same.
 */
import { beforeAll, describe } from 'vitest'
import { Client, type Feature, type Target } from './conformance/client.ts'
import { discoveryConformance } from './conformance/discovery.ts'
import { managementConformance } from './conformance/management.ts'
import { manifestConformance } from './conformance/manifests.ts'
import { pullConformance } from './conformance/pull.ts'
import { pushConformance } from './conformance/push.ts'

export type { Feature, Target }

/**
 * Register the suite.
 * @param name heads the names of the tests
 * @param target asked once, before the first test, after every earlier `beforeAll`: the registry may start there
 */
export function registryConformance(name: string, target: () => Target): void {
  describe(`${name}: OCI distribution-spec 1.1`, () => {
    let client: Client | undefined
    beforeAll(() => {
      client = new Client(target())
    })
    const current = (): Client => {
      if (client === undefined) throw new Error('a test ran before beforeAll')
      return client
    }
    pullConformance(current)
    pushConformance(current)
    manifestConformance(current)
    discoveryConformance(current)
    managementConformance(current)
  })
}

/** What Debian's docker-registry (distribution 2.8.2, deletion enabled) lacks. */
export const dockerRegistrySupports: Partial<Record<Feature, boolean>> = {
  nameGrammar: false,
  digestGrammar: false,
  singlePost: false,
  chunkOrder: false,
  unknownUploadIs404: false,
  artifactManifests: false,
  foreignLayers: false,
  multiTag: false,
  sha512: false,
  tagOrder: false,
  tagPages: false,
  emptyTagList: false,
  listHead: false,
  tagDelete: false,
  referrers: false,
}
