/** An imported policy, asked as the gate asks it. */

import type { Result } from '../../src/base/result.ts'
import { Policies } from '../../src/cli/answers/policies.ts'
import { readPolicies } from '../../src/files/load.ts'
import { decide } from '../../src/policy/decide/decide.ts'
import type { EffectiveRights } from '../../src/policy/decide/effective-rights.ts'
import { parsePrincipal } from '../../src/policy/principal.ts'
import { parseAction } from '../../src/registry/permission.ts'

export function valid<T>(result: Result<T, unknown>): T {
  if (!result.ok) throw new Error(`not valid: ${JSON.stringify(result.error)}`)
  return result.value
}

export class ImportedPolicy {
  readonly #policies: Policies
  readonly #standings = new Map<string, EffectiveRights>()

  constructor(...texts: readonly string[]) {
    const files = texts.map((text, at) => ({ path: `imported-${at}.yaml`, text }))
    const { policies, problems } = readPolicies(files)
    if (policies === undefined) throw new Error(`${JSON.stringify(problems)}\n${texts.join('\n---\n')}`)
    this.#policies = new Policies('imported', policies, [])
  }

  #rights(who: string, groups: string[]): EffectiveRights {
    const key = [who, ...groups].join(' ')
    const known = this.#standings.get(key)
    if (known !== undefined) return known
    const rights = this.#policies.rights(valid(parsePrincipal(who)), { groups })
    this.#standings.set(key, rights)
    return rights
  }

  /** @param repository absent for the catalog */
  allows(
    who: string,
    permission: string,
    repository?: string,
    clientIp = '203.0.113.9',
    groups: string[] = [],
  ): boolean {
    const rights = this.#rights(who, groups)
    return (
      decide(rights, {
        action: valid(parseAction(permission)),
        ...(repository === undefined ? {} : { repository }),
        attributes: { clientIp },
        now: 1_800_000_000,
      }).effect === 'allow'
    )
  }
}

/** All names of up to three segments of a few words, and some more. */
export function names(words: readonly string[]): readonly string[] {
  const two = words.flatMap((first) => words.map((second) => `${first}/${second}`))
  const three = two.flatMap((first, at) =>
    words.filter((_, index) => (at + index) % 5 === 0).map((word) => `${first}/${word}`),
  )
  return [...words, ...two, ...three]
}
