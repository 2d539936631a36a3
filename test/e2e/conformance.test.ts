/**
 * The OCI distribution-spec through the gate, for a caller who may do everything: no test fails that passes against the
 * registry behind it.
 */

import { describe } from 'vitest'
import { dockerRegistrySupports, registryConformance } from '../dev/conformance.ts'
import { requireClients } from './tools/clients.ts'
import { type Gate, sha256 } from './tools/gate.ts'
import { gateBefore } from './tools/gate-fixture.ts'
import { registryKinds } from './tools/registries.ts'

const PASSWORD = 'everything-secret-of-this-test-only'
const policies = {
  'everything.yaml': `
registry: { service: registry.example.com }
tokens:
  everything: { scopeMap: _repositories_admin, credentials: { password1: { sha256: ${sha256(PASSWORD)} } } }
`,
}

/** What the gate itself guarantees, whatever stands behind it; and what is not an operation of the spec, so that it stops here. */
const gateSupports = {
  nameGrammar: true,
  unknownUploadIs404: true,
  tagOrder: true,
  tagPages: true,
  listHead: false,
}

describe.runIf(requireClients(['docker-registry'])).each(registryKinds)('the gate before $kind', ({ kind, start }) => {
  let gate: Gate
  gateBefore(start, { policies }, (started) => {
    gate = started
  })

  registryConformance(`through the gate`, () => ({
    url: gate.url,
    headers: { authorization: `Basic ${Buffer.from(`everything:${PASSWORD}`).toString('base64')}` },
    supports: { ...(kind === 'docker-registry' ? dockerRegistrySupports : {}), ...gateSupports },
  }))
})
