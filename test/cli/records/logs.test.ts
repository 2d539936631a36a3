/** `dockgate logs`: what it reads, chooses, prints and groups. */
import { appendFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { readRecords } from '../../../src/cli/records/read-records.ts'
import { outcome } from '../outcome.ts'

let root: string
let written = ''
let noted = ''

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'dockgate-logs-'))
  await mkdir(join(root, 'policies'))
  await writeFile(
    join(root, 'policies/p.yaml'),
    'registry: { service: registry.acme.dev }\nscopeMaps: { none: { actions: [] } }\ntokens: { ci: { scopeMap: none } }\n',
  )
})
afterAll(() => rm(root, { recursive: true }))
beforeEach(() => {
  written = ''
  noted = ''
  vi.spyOn(process.stdout, 'write').mockImplementation((text, done) => {
    written += String(text)
    if (typeof done === 'function') (done as () => void)()
    return true
  })
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    noted += String(text)
    return true
  })
})
afterEach(() => {
  vi.restoreAllMocks()
  Reflect.deleteProperty(process.stdout, 'isTTY')
})

const record = (more: Readonly<Record<string, unknown>> = {}) => ({
  v: 2,
  time: '2026-11-26T12:00:00.000Z',
  id: 'r1',
  principal: 'token:ci',
  as: ['token:ci', 'everyone'],
  operation: 'pullManifest',
  method: 'GET',
  permission: 'content/read',
  repository: 'team/app',
  reference: 'v1',
  decision: 'deny',
  reason: 'no_grant',
  status: 403,
  ms: 1,
  ...more,
})
const OLD = record({ v: undefined, as: undefined, id: 'old' })
const POLICY_LINE = { kind: 'policy', serial: 7, warnings: [] }

async function fileOf(name: string, content: string | Uint8Array): Promise<string> {
  const file = join(root, name)
  await writeFile(file, content)
  return file
}
const lines = (...values: readonly unknown[]): string => `${values.map((value) => JSON.stringify(value)).join('\n')}\n`
const run = async (...argv: readonly string[]): Promise<string> =>
  (await outcome(['logs', ...argv])).replaceAll(root, 'DIR')
const idsIn = (text: string): readonly unknown[] =>
  text
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line).id)

describe('a log', () => {
  it.each([
    ['lines of the gate, of both versions', lines(POLICY_LINE, record(), OLD), ['r1', 'old']],
    ['lines of other programs between them', `starting\n${lines(record())}{"half":\n[1]\n`, ['r1']],
    ['a byte order mark and blank lines', `\uFEFF${lines(record())}\n\r\n${lines(OLD)}`, ['r1', 'old']],
    [
      'what wrangler tail prints, over several lines',
      `${JSON.stringify({ outcome: 'ok', logs: [{ message: [JSON.stringify(record())], level: 'log' }] }, null, 2)}\n${lines(OLD)}`,
      ['r1', 'old'],
    ],
    [
      'an export of Logpush',
      lines({
        EventType: 'fetch',
        Logs: [{ Level: 'log', Message: [JSON.stringify(record()), JSON.stringify(POLICY_LINE)] }],
      }),
      ['r1'],
    ],
    [
      'an export of Workers Logs',
      lines({ $metadata: { message: JSON.stringify(record()) } }, { source: OLD }),
      ['r1', 'old'],
    ],
    ['nothing', '', []],
  ])('of %s', async (_, text, ids) => {
    const file = await fileOf('log', text)
    expect(await run(file)).toBe('no error')
    expect(idsIn(written)).toEqual(ids)
    written = ''
    expect(await run(await fileOf('log.gz', gzipSync(text)))).toBe('no error')
    expect(idsIn(written)).toEqual(ids)
  })

  it('of several files comes in their order', async () => {
    await run(await fileOf('a', lines(OLD)), await fileOf('b', lines(record())))
    expect(idsIn(written)).toEqual(['old', 'r1'])
  })

  it('that cannot be read is said', async () => {
    expect(await run(join(root, 'none'))).toEqual(
      "exit 2: the log DIR/none cannot be read: ENOENT: no such file or directory, open 'DIR/none'",
    )
    const damaged = gzipSync(lines(record())).subarray(0, 30)
    expect(await run(await fileOf('damaged.gz', damaged))).toMatch(/^exit 2: .*damaged\.gz/)
  })

  it('of any size is read as a stream', async () => {
    const line = lines(record({ id: 'x'.repeat(200) }))
    const file = await fileOf('large', line.repeat(50_000))
    let found = 0
    const before = process.memoryUsage().heapUsed
    let peak = 0
    for await (const entry of readRecords([file])) {
      if (entry !== undefined) found++
      if (found % 10_000 === 0) peak = Math.max(peak, process.memoryUsage().heapUsed - before)
    }
    expect(found).toBe(50_000)
    // The file has 25 MB.
    expect(peak).toBeLessThan(200 * 1024 * 1024)
  })

  it('is followed, also when it is replaced', async () => {
    const file = await fileOf('followed', lines(record({ id: '1' })))
    const stopped = new AbortController()
    const ids: unknown[] = []
    const reading = (async () => {
      for await (const entry of readRecords([file], { signal: stopped.signal })) ids.push(entry?.record.id)
    })()
    await expect.poll(() => ids).toEqual(['1'])
    const text = lines(record({ id: '2' }))
    await appendFile(file, text.slice(0, 40))
    await appendFile(file, text.slice(40))
    await expect.poll(() => ids).toEqual(['1', '2'])
    await writeFile(file, '')
    await new Promise((resolve) => setTimeout(resolve, 700))
    await appendFile(file, lines(record({ id: '3' })))
    await expect.poll(() => ids).toEqual(['1', '2', '3'])
    stopped.abort()
    await reading
  })
})

describe('records are chosen', () => {
  const all = [
    record({ id: '1', decision: 'allow', reason: undefined }),
    record({
      id: '2',
      principal: 'subject:entra/ann',
      as: ['subject:entra/ann', 'group:entra/team'],
      repository: 'prod/a',
    }),
    record({ id: '3', time: '2020-01-01T00:00:00.000Z', repository: 'prod/b' }),
    record({ id: '4', repository: undefined, operation: 'ping' }),
  ]
  it.each([
    ['--decision allow', ['1']],
    ['--principal group:entra/team', ['2']],
    ['--principal token:ci', ['1', '3', '4']],
    ['--repository prod/*', ['2', '3']],
    ['--repository prod/a', ['2']],
    ['--repository prod', []],
    ['--since 2026-01-01T00:00:00Z', ['1', '2', '4']],
    ['--decision deny --principal token:ci --repository prod/b', ['3']],
  ])('%s', async (options, ids) => {
    expect(await run(await fileOf('all', lines(...all)), ...options.split(' '))).toBe('no error')
    expect(idsIn(written)).toEqual(ids)
  })

  it.each(['yesterday', '7w', '2026-11-26', ''])('since is not %j', async (text) => {
    expect(await run('x', '--since', text)).toEqual(
      `exit 2: '${text}' is not a time (write 2026-11-26T12:00:00Z, or 30m, 24h, 7d)`,
    )
  })
})

describe('on a terminal', () => {
  it('records are columns, and cannot steer it', async () => {
    Object.defineProperty(process.stdout, 'isTTY', { value: true, configurable: true })
    vi.stubEnv('NO_COLOR', '1')
    const steering = record({ principal: 'token:\u001b[2J', reference: `sha256:${'a'.repeat(64)}` })
    const allowed = record({ decision: 'allow', reason: undefined, rule: 'scopeMap push', status: 200 })
    expect(await run(await fileOf('terminal', lines(steering, allowed)))).toBe('no error')
    vi.unstubAllEnvs()
    expect(stripVTControlCharacters(written).split('\n')).toEqual([
      `2026-11-26 12:00:00  deny   403  token:\\u001b[2J${' '.repeat(14)}  pullManifest    team/app@sha256:${'a'.repeat(64)}  no_grant`,
      `2026-11-26 12:00:00  allow  200  ${'token:ci'.padEnd(24)}  pullManifest    team/app:v1  scopeMap push`,
      '',
    ])
  })
})

describe('a summary', () => {
  it('groups refusals, the most frequent first, with the smallest change', async () => {
    const file = await fileOf(
      'summary',
      lines(
        record({ time: '2026-11-26T12:00:00.000Z' }),
        record({ time: '2026-11-26T13:00:00.000Z', reference: 'v2' }),
        record({
          principal: undefined,
          as: undefined,
          permission: undefined,
          repository: undefined,
          reason: 'credential_invalid',
        }),
        record({ decision: 'allow', reason: undefined }),
        POLICY_LINE,
      ),
    )
    expect(await run(file, '--summary', '--policies', join(root, 'policies'))).toBe('no error')
    expect(written.replaceAll(root, 'DIR')).toMatch(
      /^2 requests {2}token:ci {2}no_grant {2}content\/read on team\/app {2}last 2026-11-26T13:00:00.000Z\n {4}change {2}.+\n1 request {2}nobody {2}credential_invalid {2}last 2026-11-26T12:00:00.000Z\n$/,
    )
    expect(noted).toContain('4 records, 2 groups of refusals')
    written = ''
    await run(file, '--summary', '--policies', join(root, 'policies'), '--json')
    expect(JSON.parse(written)).toMatchObject({
      requests: 4,
      unread: 1,
      refusals: [
        { requests: 2, change: expect.any(String) },
        { reason: 'credential_invalid', requests: 1 },
      ],
    })
  })

  it('needs no policies', async () => {
    expect(await run(await fileOf('summary', lines(record())), '--summary', '--json')).toBe('no error')
    expect(JSON.parse(written).refusals).toHaveLength(1)
  })

  it.each([
    [['--json'], 'exit 2: --json goes with --summary (records are JSON already, through a pipe)'],
    [['--follow', '--summary'], 'exit 2: --follow does not go with --summary (keep one of them)'],
  ])('does not go with %j', async (options, expected) => {
    expect(await run('x', ...options)).toEqual(expected)
  })
})
