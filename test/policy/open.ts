/** A policy set, compiled and opened for deciding as the gate does it. */
import type { Caller } from '../../src/policy/caller.ts'
import { compile } from '../../src/policy/compile/compile.ts'
import {
  type Common,
  type EffectiveRights,
  effectiveRightsOf,
  indexCommon,
  indexPrincipal,
} from '../../src/policy/decide/effective-rights.ts'
import type { PolicySet } from '../../src/policy/model.ts'

export function open(policies: PolicySet): { common: Common; rights: (caller: Caller) => EffectiveRights } {
  // A policy travels as JSON: nothing may be lost on the way.
  const { common, principals } = compile(policies)
  const opened = indexCommon(JSON.parse(JSON.stringify(common)))
  const own = new Map([...principals].map(([key, data]) => [key, indexPrincipal(JSON.parse(JSON.stringify(data)))]))
  return {
    common: opened,
    rights: (caller) =>
      effectiveRightsOf(
        caller,
        opened,
        caller.acts.map((key) => own.get(key)).filter((data) => data !== undefined),
      ),
  }
}
