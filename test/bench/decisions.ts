/**
 * One decision, from ten role assignments to a million, next to other engines that hold the same rights and are asked the
 * same questions. Every engine has to give the same answers, or no row exists.
 */
import { compile } from '../../src/policy/compile/compile.ts'
import { decide } from '../../src/policy/decide/decide.ts'
import {
  type EffectiveRights,
  effectiveRightsOf,
  indexCommon,
  indexPrincipal,
} from '../../src/policy/decide/effective-rights.ts'
import type { Question } from '../../src/policy/model.ts'
import type { PrincipalKey } from '../../src/policy/principal.ts'
import { parseRepositoryName } from '../../src/registry/name.ts'
import { type Comparison, median } from './comparison.ts'
import { ownCpuMicroseconds } from './machine.ts'
import type { BenchOptions } from './options.ts'
import { type Asked, casbin, cedar, firstMatch, type Right, type Rival, rightsOf } from './rivals.ts'
import { syntheticPolicies } from './synthetic.ts'

const SIZES = [10, 100, 1000, 10_000, 100_000, 1_000_000]
/** Cedar and Casbin look at every policy for every question; beyond this one answer takes a second or more. */
const RIVAL_MAX = 10_000
/** Different principals that ask, as an isolate sees them. */
const CALLERS = 200

const judge = ({ rights, question }: Prepared): boolean => decide(rights, question).effect === 'allow'

/** An isolate has compiled what it does all the time. */
function warmUp(): void {
  const { questions } = prepare(1000)
  for (let turn = 0; turn < 100_000; turn++) {
    const question = questions[turn % questions.length]
    if (question !== undefined) judge(question)
  }
}

type Prepared = { readonly asked: Asked; readonly rights: EffectiveRights; readonly question: Question }

export async function measureDecisions({ quick }: BenchOptions): Promise<readonly Comparison[]> {
  const comparisons: Comparison[] = []
  let smallest: readonly number[] = []
  warmUp()
  for (const size of quick ? SIZES.slice(0, 4) : SIZES) {
    const { questions, rights } = prepare(size)
    const rivals: Rival[] = [firstMatch(rights)]
    if (size <= RIVAL_MAX) rivals.push(cedar(rights, `size-${size}`), await casbin(rights))
    for (const rival of rivals) mustAgree(rival, questions)
    const rounds = quick ? 5 : 15
    const ours: number[] = []
    const theirs: number[][] = rivals.map(() => [])
    for (let round = 0; round < rounds; round++) {
      ours.push(microseconds(questions, judge))
      for (const [at, rival] of rivals.entries()) {
        theirs[at]?.push(microseconds(questions, ({ asked }) => rival.decide(asked)))
      }
    }
    if (smallest.length === 0) smallest = ours
    const what = `one decision, ${size.toLocaleString('en-US')} assignments`
    const base = { part: 'decisions', what, unit: 'µs CPU', ours }
    comparisons.push({ ...base, against: 'limit', theirs: [2], target: { of: 'value', atMost: 2 } })
    if (smallest !== ours) {
      const ten = { against: '10 assignments', theirs: [median(smallest)], target: { of: 'ratio', atMost: 2 } } as const
      comparisons.push({ ...base, ...ten })
    }
    for (const [at, { name }] of rivals.entries())
      comparisons.push({ ...base, against: name, theirs: theirs[at] ?? [] })
  }
  return comparisons
}

/** Half of the questions are about what the caller may do, half about what it may not. */
function prepare(size: number): { readonly questions: readonly Prepared[]; readonly rights: readonly Right[] } {
  const policies = syntheticPolicies({ roleAssignments: size, tokens: 0 })
  const { common, principals } = compile(policies)
  const open = indexCommon(common)
  const rights = rightsOf(policies)
  const stride = Math.max(1, Math.floor(rights.length / CALLERS))
  const questions = rights
    .filter((_, at) => at % stride === 0)
    .flatMap(({ principal, on, actions }) => {
      const repository = on.replace(/\*$/, on === '*' ? 'team-0/app-0' : 'app-0')
      const action = actions[0] ?? 'pull'
      const key = policies.roleAssignments.find((assignment) => assignment.principal === principal)?.principal
      if (key === undefined) throw new Error(`${principal} is nobody`)
      const rights = effectiveRightsOf({ authenticated: true, acts: [key] }, open, own(principals.get(key)))
      return [repository, 'nobody/has-this'].map((name) => prepared(rights, key, action, name))
    })
  return { questions, rights }
}

const own = (data: Parameters<typeof indexPrincipal>[0] | undefined) =>
  data === undefined ? [] : [indexPrincipal(data)]

function prepared(rights: EffectiveRights, principal: PrincipalKey, action: string, repository: string): Prepared {
  const name = parseRepositoryName(repository)
  if (!name.ok) throw new Error(`${repository} is not a name`)
  return {
    asked: { principal, action, repository },
    rights,
    question: {
      action: action === 'push' ? 'content/write' : 'content/read',
      repository: name.value,
      attributes: { method: 'GET' },
      now: 1_800_000_000,
    },
  }
}

function mustAgree(rival: Rival, questions: readonly Prepared[]): void {
  for (const { asked, rights, question } of questions.slice(0, 100)) {
    const ours = decide(rights, question).effect === 'allow'
    if (rival.decide(asked) !== ours) throw new Error(`${rival.name} disagrees about ${JSON.stringify(asked)}`)
  }
}

/** CPU time of one answer, over as many as take a tenth of a second: the kernel counts it in ticks. */
function microseconds(questions: readonly Prepared[], answer: (prepared: Prepared) => boolean): number {
  const began = ownCpuMicroseconds()
  let allowed = 0
  let asked = 0
  for (let batch = 1; ownCpuMicroseconds() - began < 100_000; batch *= 2) {
    for (let turn = 0; turn < batch; turn++) {
      const question = questions[asked++ % questions.length]
      if (question !== undefined && answer(question)) allowed++
    }
  }
  if (allowed === 0) throw new Error('nothing was allowed')
  return (ownCpuMicroseconds() - began) / asked
}
