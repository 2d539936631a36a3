/** The library: the same decisions as the command and the gate, and an error for each question that cannot be asked. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runTest } from '../../src/cli/answers/decision-tests.ts'
import { Policies } from '../../src/cli/answers/policies.ts'
import { loadPolicies as loadFiles } from '../../src/files/load.ts'
import {
  compilePolicy,
  decide,
  explain,
  loadPolicies,
  type Policy,
  type PolicyQuestion,
  parseRegistryRequest,
  type QuestionProblem,
} from '../../src/index.ts'
import { principalKey } from '../../src/policy/principal.ts'

const EXAMPLE = join(import.meta.dirname, '../../policies')
const NOW = 1_800_000_000

async function policyOf(directory: string): Promise<Policy> {
  const { policies, problems } = await loadPolicies(directory)
  if (policies === undefined) throw new Error(JSON.stringify(problems))
  return compilePolicy(policies)
}

describe('the engine', () => {
  let policy: Policy
  beforeAll(async () => {
    policy = await policyOf(EXAMPLE)
  })

  it('decides every decision test of the example as the command does', async () => {
    const { policies, tests } = await loadFiles(EXAMPLE)
    if (policies === undefined) throw new Error('the example is not valid')
    const set = new Policies('policies', policies, tests)
    expect(tests.length).toBeGreaterThan(50)
    for (const test of tests) {
      const { question, at = NOW, claims, groups, ip, tag } = test
      const about = {
        principal: principalKey(test.as),
        claims,
        ...(groups === undefined ? {} : { groups }),
        now: at,
        ...(ip === undefined ? {} : { clientIp: ip }),
      }
      expect(runTest(set, test, NOW).passed).toBe(true)
      if (question.kind === 'request') {
        const request = parseRegistryRequest(question.method, question.path)
        const effect = request.ok ? decide(policy, { ...about, request: request.value }).effect : 'deny'
        expect(effect, `${question.method} ${question.path}`).toBe(test.expect)
      } else {
        const asked = {
          ...about,
          permission: question.action,
          ...(question.repository === undefined ? {} : { repository: question.repository }),
          ...(tag === undefined ? {} : { tag }),
        }
        expect(decide(policy, asked).effect, JSON.stringify(asked)).toBe(test.expect)
        expect(explain(policy, asked).authorization).toEqual(decide(policy, asked))
      }
    }
  })

  it('names the rule that decided, with its place', () => {
    const answer = decide(policy, {
      principal: 'token:ci',
      permission: 'content/write',
      repository: 'samples/app',
      now: NOW,
    })
    if (answer.effect !== 'allow' || answer.by === undefined) throw new Error('not allowed by a rule')
    expect(policy.placeOf(answer.by)).toEqual({
      name: 'samples-push',
      source: { file: 'build.yaml', line: 10, column: 3 },
    })
    expect(policy.placeOf({ kind: 'scopeMap', id: '_repositories_pull' })).toEqual({ name: '_repositories_pull' })
  })

  it('explains a refusal by the change that would allow it', () => {
    const { authorization, changes } = explain(policy, {
      principal: 'token:nodes',
      permission: 'content/write',
      repository: 'samples/app',
      now: NOW,
    })
    expect(authorization).toMatchObject({ effect: 'deny', reason: { code: 'no_grant' } })
    expect(changes).toMatchObject([{ kind: 'useScopeMap', token: 'nodes', scopeMap: '_repositories_push' }])
  })

  const write = { principal: 'token:ci', permission: 'content/write', repository: 'samples/app', now: NOW } as const
  const CANNOT_BE_ASKED: readonly (readonly [QuestionProblem, PolicyQuestion, string])[] = [
    ['principal_invalid', { ...write, principal: 'ci' }, '"ci" is not a principal'],
    ['principal_invalid', { ...write, principal: '' }, '"" is not a principal'],
    ['principal_invalid', { ...write, principal: 'subject:github' }, '"subject:github" is not a principal'],
    ['permission_unknown', { ...write, permission: 'write' }, '"write" is not a permission'],
    ['repository_invalid', { ...write, repository: 'Samples/app' }, '"Samples/app" is not a repository name'],
    ['repository_invalid', { ...write, repository: 'samples/../app' }, '"samples/../app" is not a repository name'],
    [
      'repository_missing',
      { principal: 'token:ci', permission: 'content/read', now: NOW },
      'content/read needs a repository',
    ],
    ['repository_unwanted', { ...write, permission: 'catalog/read' }, 'catalog/read is not about one repository'],
    ['tag_invalid', { ...write, tag: 'a b' }, '"a b" is not a tag'],
    ['client_ip_invalid', { ...write, clientIp: '10.0.0' }, '"10.0.0" is not an IP address'],
  ]
  it.each(CANNOT_BE_ASKED)('throws %s for a question that cannot be asked: %j', (code, question, message) => {
    for (const ask of [decide, explain]) {
      let thrown: unknown
      try {
        ask(policy, question)
      } catch (error) {
        thrown = error
      }
      expect(thrown).toMatchObject({ name: 'QuestionError', code, message })
    }
  })
})

describe('loading policies', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dockgate-engine-'))
    await writeFile(join(folder, 'bad.yaml'), 'tokens: { ci: { scopeMap: nothing } }\n')
  })
  afterAll(() => rm(folder, { recursive: true }))

  it.each([
    ['an error in a file', '', 'bad.yaml'],
    ['a folder that is missing', 'missing', '.'],
  ])('returns problems and no policies for %s', async (_, name, file) => {
    const { policies, problems } = await loadPolicies(join(folder, name))
    expect(policies).toBeUndefined()
    expect(problems).toMatchObject([{ severity: 'error', source: { file } }])
  })
})
