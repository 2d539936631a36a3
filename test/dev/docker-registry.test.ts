/** Debian's docker-registry under the conformance suite: the suite must fit more than the registry it was written with. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe } from 'vitest'
import { dockerRegistrySupports, registryConformance } from './conformance.ts'

const BINARY = '/usr/bin/docker-registry'

describe.skipIf(!existsSync(BINARY))('docker-registry', () => {
  let directory = ''
  let child: ChildProcess
  let url = ''
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'docker-registry-'))
    const config = {
      version: '0.1',
      log: { level: 'info', formatter: 'json', accesslog: { disabled: true } },
      storage: { filesystem: { rootdirectory: join(directory, 'data') }, delete: { enabled: true } },
      http: { addr: '127.0.0.1:0' },
    }
    await writeFile(join(directory, 'config.yml'), JSON.stringify(config))
    const started = spawn(BINARY, ['serve', join(directory, 'config.yml')], { stdio: ['ignore', 'ignore', 'pipe'] })
    child = started
    for await (const line of createInterface({ input: started.stderr })) {
      const [, address] = /listening on ([\d.]+:\d+)/.exec(line) ?? []
      if (address === undefined) continue
      url = `http://${address}`
      break
    }
    started.stderr.resume()
  })
  afterAll(async () => {
    const exited = new Promise((resolve) => child.once('exit', resolve))
    child.kill()
    await exited
    await rm(directory, { recursive: true })
  })

  registryConformance('docker-registry 2.8', () => ({ url, supports: dockerRegistrySupports }))
})
