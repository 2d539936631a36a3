/** The files of `deploy/`: that they fit the command and each other. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { serveCommand } from '../../src/cli/commands/serve/serve.ts'

const DEPLOY = join(import.meta.dirname, '../../deploy')
const KUBERNETES = join(DEPLOY, 'kubernetes')
const version = JSON.parse(readFileSync(join(DEPLOY, '../package.json'), 'utf8')).version
const files = readdirSync(KUBERNETES)
const read = (name: string) => parse(readFileSync(join(KUBERNETES, name), 'utf8'))

describe('the manifests for Kubernetes', () => {
  it.each(files)('%s is YAML without errors', (name) => {
    const documents = parseAllDocuments(readFileSync(join(KUBERNETES, name), 'utf8'))
    expect(documents.flatMap((document) => document.errors)).toEqual([])
    for (const document of documents) expect(document.toJS()).toMatchObject({ apiVersion: expect.any(String) })
  })

  it('are all named in the kustomization, with the version of the package', () => {
    const { resources, images } = read('kustomization.yaml')
    expect([...resources, 'kustomization.yaml'].sort()).toEqual([...files].sort())
    expect(images).toEqual([expect.objectContaining({ name: 'dockgate', newTag: version })])
  })

  it('run a container that is not root, cannot write and has no rights', () => {
    const { spec } = read('deployment.yaml')
    const [container] = spec.template.spec.containers
    expect(spec.replicas).toBeGreaterThanOrEqual(2)
    expect(spec.template.spec.securityContext).toMatchObject({ runAsNonRoot: true })
    expect(spec.template.spec.automountServiceAccountToken).toBe(false)
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    })
    expect(spec.template.spec.terminationGracePeriodSeconds).toBeGreaterThan(
      30 + container.lifecycle.preStop.sleep.seconds,
    )
  })

  it('give the command options that it has', () => {
    const [container] = read('deployment.yaml').spec.template.spec.containers
    const dockerfile = readFileSync(join(DEPLOY, 'Dockerfile'), 'utf8')
    const [, entry = ''] = /ENTRYPOINT \[([^\]]*)\]/.exec(dockerfile.replaceAll('\\\n', '')) ?? []
    const words: readonly string[] = JSON.parse(`[${entry}]`)
    const command = serveCommand().exitOverride()
    const { unknown, operands } = command.parseOptions([...words.slice(words.indexOf('serve') + 1), ...container.args])
    expect({ unknown, operands }).toEqual({ unknown: [], operands: [] })
    const ports: readonly { containerPort: number }[] = container.ports
    expect(ports.map(({ containerPort }) => `0.0.0.0:${containerPort}`)).toEqual([
      command.opts().listen,
      command.opts().admin,
    ])
  })

  it('select the pods of the deployment', () => {
    const labels = read('deployment.yaml').spec.template.metadata.labels
    expect(read('service.yaml').spec.selector).toEqual(labels)
    expect(read('poddisruptionbudget.yaml').spec.selector.matchLabels).toEqual(labels)
    expect(read('networkpolicy.yaml').spec.podSelector.matchLabels).toEqual(labels)
  })
})
