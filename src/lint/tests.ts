/** Lints of decision tests: whether whom they ask about can ever ask. */
import { undefinedPrincipal } from '../policy/analysis/undefined-principal.ts'
import type { Lint } from './lint.ts'

/** The lint `?`. */
export const unknownTestPrincipal: Lint = {
  id: 'unknown_test_principal',
  explanation:
    'The gate can never authenticate a token, an identity or an issuer that no file defines, so a deny that a test expects of one holds whatever the policies say of the one that was meant.',
  fix: 'name one that is defined; for somebody who holds a credential and nothing else, write as: everyone',
  *find({ policies, tests }) {
    for (const { as, source } of tests) {
      const missing = undefinedPrincipal(policies, as)
      if (missing === undefined) continue
      yield {
        source,
        message: `this test asks about ${missing.kind} ${missing.name}, which no file defines`,
        ...(missing.nearest === undefined ? {} : { hint: `did you mean ${missing.nearest}?` }),
      }
    }
  },
}
