/**
 * The image of `deploy/Dockerfile`: built by buildah on a base of Debian packages, and run from its own files alone. Its files
 * are entered with chroot, because not every machine can run containers.
 */
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { secretOf, token } from './tools/accounts.ts'
import { type FakeUpstream, startFakeUpstream } from './tools/fakeupstream.ts'
import { until } from './tools/registry.ts'
import { scratchDirectory } from './tools/scratch.ts'
import { newKeys, pushTo } from './tools/serve.ts'
import { ask, basic } from './tools/wire.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const BASE = 'localhost/dockgate-test-base'
const IMAGE = 'localhost/dockgate-test'
const PACKAGES = 'bash,coreutils,dash,libc6,libstdc++6,libgcc-s1,zlib1g,ca-certificates,base-files,sed,grep'
const policies = {
  'policies.yaml': `registry: { service: registry.example.com }\ntokens:\n${token('reader', '_repositories_pull')}\n`,
}

const run = (program: string, ...args: readonly string[]): string =>
  execFileSync(program, [...args], { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim()

const isRoot = process.getuid?.() === 0
const hasTools = ['/usr/bin/buildah', '/usr/bin/mmdebstrap'].every((path) => existsSync(path))

describe.runIf(isRoot && hasTools)('the image', () => {
  let upstream: FakeUpstream
  let container = ''
  beforeAll(async () => {
    upstream = await startFakeUpstream()
    const tar = join(scratchDirectory('base'), 'base.tar')
    run('mmdebstrap', '--quiet', '--variant=extract', `--include=${PACKAGES}`, 'bookworm', tar)
    const npm = dirname(dirname(realpathSync(run('which', 'npm'))))
    const base = run('buildah', 'from', 'scratch')
    run('buildah', 'add', '-q', base, tar, '/')
    run('buildah', 'add', '-q', base, process.execPath, '/usr/local/bin/node')
    run('buildah', 'add', '-q', base, npm, '/usr/local/lib/node_modules/npm')
    // Packages are only unpacked, so that nobody has made the list of certificates.
    const certificates =
      'mkdir -p /etc/ssl/certs; cat /usr/share/ca-certificates/mozilla/* > /etc/ssl/certs/ca-certificates.crt'
    run('buildah', 'run', '--isolation', 'chroot', base, '--', 'bash', '-c', certificates)
    const link = ['ln', '-s', '/usr/local/lib/node_modules/npm/bin/npm-cli.js', '/usr/local/bin/npm']
    run('buildah', 'run', '--isolation', 'chroot', base, '--', ...link)
    run('buildah', 'config', '--env', 'HOME=/root', '--env', 'PATH=/usr/local/bin:/usr/bin:/bin', base)
    run('buildah', 'commit', '-q', base, BASE)
    run('buildah', 'rm', base)
    const images = ['--build-arg', `BUILD_IMAGE=${BASE}`, '--build-arg', `RUNTIME_IMAGE=${BASE}`]
    // What `npm ci` of this checkout has fetched.
    const cache = ['--build-arg', 'NPM_FLAGS=--offline', '-v', `${run('npm', 'config', 'get', 'cache')}:/root/.npm`]
    const how = ['--isolation', 'chroot', '--format', 'docker', '-q', '-f', 'deploy/Dockerfile', '-t', IMAGE]
    run('buildah', 'bud', ...how, ...images, ...cache, '.')
    container = run('buildah', 'from', IMAGE)
  }, 600_000)
  afterAll(async () => {
    if (container !== '') run('buildah', 'rm', container)
    run('buildah', 'rmi', '--force', IMAGE, BASE)
    await upstream?.stop()
  })

  it('is not root, starts the gate, and says how healthy it is', () => {
    const { config } = JSON.parse(run('buildah', 'inspect', '--type', 'image', IMAGE)).Docker
    expect(config).toMatchObject({
      User: '65532:65532',
      Entrypoint: expect.arrayContaining(['/usr/local/bin/node', 'serve']),
      Healthcheck: { Test: expect.arrayContaining(['CMD', '/usr/local/bin/node']) },
    })
  })

  it('serves what its store holds, and ends on SIGTERM', async () => {
    upstream.behave((_, response) => {
      response.setHeader('content-type', 'application/json')
      response.end('{"name":"team/app","tags":["v1"]}')
    })
    const keys = await newKeys()
    const store = scratchDirectory('image-store')
    expect((await pushTo(`dir:${store}`, keys, policies)).status).toBe(0)
    const environment = {
      POLICY_PUBLIC_KEYS: readFileSync(join(keys, 'policy-public-keys.json'), 'utf8'),
      TOKEN_SIGNING_KEY: readFileSync(join(keys, 'token-signing-key.json'), 'utf8'),
    }
    const { config } = JSON.parse(run('buildah', 'inspect', '--type', 'image', IMAGE)).Docker
    const entry: readonly string[] = config.Entrypoint
    const command = [
      ...entry.map((word) => word.replace('0.0.0.0:8787', '127.0.0.1:0').replace('0.0.0.0:8788', '127.0.0.1:0')),
    ]
    const args = ['--upstream', upstream.url, '--store', 'dir:/policy']
    const child = spawn(
      'buildah',
      [
        ...['run', '--isolation', 'chroot', '--network', 'host', '--user', '65532:65532', '-v', `${store}:/policy:ro`],
        ...Object.entries(environment).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
        ...[container, '--', ...command, ...args],
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    )
    const ended = new Promise((resolve) => child.on('exit', resolve))
    let said = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        said += text
      })
    }
    try {
      await until(60_000, 'the image does not start', () => /ready http/.test(said) || child.exitCode !== null)
      const url = /ready (http:\S+)/.exec(said)?.[1]
      if (url === undefined) throw new Error(said)
      const headers = { authorization: basic('reader', secretOf('reader')) }
      expect((await ask(`${url}/v2/team/app/manifests/v1`, { headers })).status).toBe(200)
      expect((await ask(`${url}/v2/team/app/manifests/v1`)).status).toBe(401)
    } finally {
      // buildah hands no signal on to what it runs.
      if (child.exitCode === null) run('pkill', '-TERM', '-f', 'store dir:/policy')
    }
    await ended
    expect(said).toContain('"decision":"allow"')
  })
})
