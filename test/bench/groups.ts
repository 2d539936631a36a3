/** One decision by how many groups the caller is in, each with a grant of its own: the most that a decision walks over. */
import { decide } from '../../src/policy/decide/decide.ts'
import {
  type EffectiveRights,
  effectiveRightsOf,
  indexCommon,
  indexPrincipal,
} from '../../src/policy/decide/effective-rights.ts'
import type { Question } from '../../src/policy/model.ts'
import { PERMISSION_BITS } from '../../src/policy/permission-bits.ts'
import { type PrincipalKey, principalKey } from '../../src/policy/principal.ts'
import { parseRepositoryName } from '../../src/registry/name.ts'
import { COMMON } from '../bundle/fixture.ts'
import type { Comparison } from './comparison.ts'
import { ownCpuMicroseconds } from './machine.ts'
import type { BenchOptions } from './options.ts'

/** 200 is as many groups as a token of Entra carries. */
const COUNTS = [1, 10, 50, 200]
const DECISIONS = 1000

export async function measureGroups({ quick }: BenchOptions): Promise<readonly Comparison[]> {
  const name = parseRepositoryName('nobody/has-this')
  if (!name.ok) throw new Error('that is not a name')
  const question: Question = {
    action: 'content/read',
    repository: name.value,
    attributes: { method: 'GET' },
    now: 1_800_000_000,
  }
  const standings = COUNTS.map(standingIn)
  for (const rights of standings) microseconds(rights, question)
  const costs: number[][] = COUNTS.map(() => [])
  for (let round = 0; round < (quick ? 3 : 9); round++) {
    for (const [at, rights] of standings.entries()) costs[at]?.push(microseconds(rights, question))
  }
  return COUNTS.map((count, at) => ({
    part: 'groups',
    what: `one refusal, caller in ${count} group${count === 1 ? '' : 's'}`,
    unit: 'µs CPU',
    ours: costs[at] ?? [],
    against: 'caller in 1 group',
    theirs: costs[0] ?? [],
  }))
}

function standingIn(groups: number): EffectiveRights {
  const acts: readonly PrincipalKey[] = Array.from({ length: groups }, (_, n) =>
    principalKey({ kind: 'group', issuer: 'entra', id: `group-${n}` }),
  )
  const own = acts.map((_, n) =>
    indexPrincipal({
      grants: [{ on: `team-${n}/*`, bits: PERMISSION_BITS['content/read'], rule: `roleAssignment grant-${n}` }],
    }),
  )
  return effectiveRightsOf({ authenticated: true, acts }, indexCommon(COMMON), own)
}

function microseconds(rights: EffectiveRights, question: Question): number {
  const began = ownCpuMicroseconds()
  let turns = 0
  for (; ownCpuMicroseconds() - began < 100_000; turns += DECISIONS) {
    for (let turn = 0; turn < DECISIONS; turn++) {
      if (decide(rights, question).effect === 'allow') throw new Error('nothing should allow this')
    }
  }
  return (ownCpuMicroseconds() - began) / turns
}
