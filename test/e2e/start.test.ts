/** The first minutes of a newcomer: the example policies, the development registry, and the commands that are printed. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { exampleFolder } from '../support/examples.ts'
import { type Client, openSession, requireClients, type Session } from './tools/clients.ts'
import { type Gate, startGate } from './tools/gate.ts'
import { type Outcome, runProgram } from './tools/process.ts'
import { until } from './tools/registry.ts'
import { scratchDirectory } from './tools/scratch.ts'

const COMMAND = fileURLToPath(new URL('../../src/cli/bin.js', import.meta.url))
const EXAMPLES = exampleFolder()

/** The printed commands of each token, by the program they call. */
function printedCommands(log: string): ReadonlyMap<string, readonly string[]> {
  const commands = new Map<string, string[]>()
  let token = ''
  for (const line of log.split('\n')) {
    token = /^Token (\S+) may/.exec(line)?.[1] ?? token
    const program = /^ {2}(crane|skopeo|docker) /.exec(line)?.[1]
    if (program === undefined) continue
    const key = `${token} ${program}`
    commands.set(key, [...(commands.get(key) ?? []), line.trim()])
  }
  return commands
}

/** A first policy of one's own: nothing in it is public. */
const OWN = {
  'policy.yaml': `
scopeMaps:
  web-push:
    actions: [repositories/web/*/content/read, repositories/web/*/content/write]
tokens:
  build: { scopeMap: web-push }
  reader: { scopeMap: _repositories_pull }
`,
}

describe('the secrets of a checkout', () => {
  it('are made once, kept in the state folder, and are in no policy file', async () => {
    const stateDirectory = scratchDirectory('state')
    const passwords = () => readFileSync(join(stateDirectory, 'development-passwords.json'), 'utf8')
    const first = await startGate({ policies: EXAMPLES, stateDirectory })
    await first.stop()
    const kept = passwords()
    const second = await startGate({ policies: EXAMPLES, stateDirectory })
    await second.stop()
    expect(passwords()).toBe(kept)
    for (const secret of Object.values<string>(JSON.parse(kept))) {
      expect(secret).toMatch(/^[A-Za-z0-9_-]{43}$/)
      expect(readFileSync(join(EXAMPLES, 'build.yaml'), 'utf8')).not.toContain(secret)
    }
  })
})

describe('a development gate', () => {
  const directory = scratchDirectory('log')
  const records = join(directory, 'requests.ndjson')
  let gate: Gate
  beforeAll(async () => {
    gate = await startGate({ policies: OWN, args: ['--log', records] })
  })
  afterAll(() => gate.stop())

  it('says what it does while it starts, and logs no JSON', () => {
    const lines = gate.log().split('\n')
    expect(lines.slice(0, 2)).toEqual([`Reading the policies in ${gate.policyDirectory} …`, 'Starting the gate …'])
    expect(lines.filter((line) => line.startsWith('{'))).toEqual([])
  })

  it('tells a person who opens its address in a browser where they are', async () => {
    const answer = await fetch(gate.url, { headers: { accept: 'text/html' } })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-type')).toBe('text/plain; charset=utf-8')
    expect((await answer.text()).split('\n').slice(0, 5)).toEqual([
      'This is a Dockgate gate for development. It guards a container registry: clients log in and push here.',
      '',
      `  docker login ${gate.host}       log in as a token; commands with passwords are in the terminal of dockgate dev`,
      `  ${gate.url}/readyz    the policy in force`,
      '',
    ])
    expect((await fetch(gate.url, { method: 'HEAD', headers: { accept: 'text/html' } })).status).toBe(200)
  })

  it.each([
    ['POST', '/'],
    ['GET', '//'],
    ['GET', '/index.html'],
    ['GET', '/%2f'],
    ['GET', '/?a'],
  ])('answers %s %s as every gate does', async (method, path) => {
    const answer = await fetch(`${gate.url}${path}`, { method })
    expect(answer.status).toBe(404)
    expect(answer.headers.get('content-type')).toBe('application/json')
  })

  it('keeps the records of its requests, so that explain can explain them', async () => {
    const passwords = JSON.parse(readFileSync(join(gate.stateDirectory, 'development-passwords.json'), 'utf8'))
    const authorization = `Basic ${Buffer.from(`reader:${passwords.reader}`).toString('base64')}`
    const url = `${gate.url}/v2/web/app/blobs/uploads/`
    expect((await fetch(url, { method: 'POST', headers: { authorization } })).status).toBe(403)
    await expect.poll(() => readFileSync(records, 'utf8'), { timeout: 60_000 }).toMatch(/"no_grant"/)
    const kept = readFileSync(records, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    const { id } = kept.find(({ reason }) => reason === 'no_grant')
    await expect
      .poll(() => gate.log(), { timeout: 60_000 })
      .toContain(`token:reader has no content/write on web/app (no_grant)  id ${id}`)
    const args = [COMMAND, 'explain', '--record', records, '--id', id, '--policies', gate.policyDirectory]
    const explained = await runProgram(process.execPath, args, { environment: { PATH: process.env.PATH ?? '' } })
    expect(explained.status).toBe(1)
    expect(explained.stdout).toContain('token:reader has no content/write on web/app')
  })
})

describe.runIf(requireClients(['crane', 'skopeo'])).each([
  { of: 'the example', policies: EXAMPLES, pusher: 'ci', idle: 'nodes', refusal: /content\/write on samples\/hello/ },
  {
    of: 'a policy of its own',
    policies: OWN,
    pusher: 'build',
    idle: 'reader',
    refusal: /content\/write on web\/hello/,
  },
])('the commands that are printed for $of', ({ policies, pusher, idle, refusal }) => {
  let gate: Gate
  beforeAll(async () => {
    gate = await startGate({ policies })
    await until(60_000, 'the gate prints no commands', () => gate.log().includes('The passwords of all tokens'))
  })
  afterAll(() => gate.stop())

  const runAll = async (session: Session, token: string, program: Client): Promise<readonly Outcome[]> => {
    const outcomes: Outcome[] = []
    for (const command of printedCommands(gate.log()).get(`${token} ${program}`) ?? []) {
      outcomes.push(await session.run(program, command.split(' ').slice(1)))
    }
    return outcomes
  }

  it.each(['crane', 'skopeo'] as const)('push and pull with %s as a token that may', async (program) => {
    const outcomes = await runAll(openSession(), pusher, program)
    expect(outcomes.length).toBeGreaterThanOrEqual(2)
    for (const outcome of outcomes) expect(outcome).toEqual(expect.objectContaining({ status: 0 }))
  })

  it.each(['crane', 'skopeo'] as const)('are refused to %s as a token that may not push', async (program) => {
    const [login, push] = await runAll(openSession(), idle, program)
    expect(login).toEqual(expect.objectContaining({ status: 0 }))
    expect(push?.status).not.toBe(0)
    expect(push?.stderr).toMatch(refusal)
  })
})
