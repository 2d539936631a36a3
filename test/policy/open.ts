/** A policy set, compiled and opened for deciding as the gate does it. */
import type { Caller } from '../../src/policy/caller.ts'
import { compile } from '../../src/policy/compile/compile.ts'
import {
  type Common,
  openCommon,
  openPrincipal,
  type Standing,
  standingOf,
} from '../../src/policy/decide/effective-rights.ts'
import type { PolicySet } from '../../src/policy/model.ts'

export function open(policies: PolicySet): { common: Common; standing: (caller: Caller) => Standing } {
  // A policy travels as JSON: nothing may be lost on the way.
  const { common, principals } = compile(policies)
  const opened = openCommon(JSON.parse(JSON.stringify(common)))
  const own = new Map([...principals].map(([key, data]) => [key, openPrincipal(JSON.parse(JSON.stringify(data)))]))
  return {
    common: opened,
    standing: (caller) =>
      standingOf(
        caller,
        opened,
        caller.acts.map((key) => own.get(key)).filter((data) => data !== undefined),
      ),
  }
}
