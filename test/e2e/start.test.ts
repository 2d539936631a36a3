/** The first minutes of a newcomer: the example policies, the development registry, and the commands that are printed. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Client, openSession, requireClients, type Session } from './tools/clients.ts'
import { type Gate, startGate } from './tools/gate.ts'
import type { Outcome } from './tools/process.ts'
import { scratchDirectory } from './tools/scratch.ts'

const EXAMPLES = fileURLToPath(new URL('../../policies', import.meta.url))

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
