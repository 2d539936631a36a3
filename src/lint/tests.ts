/** Lints of decision tests: whether whom they ask about can ever ask. */
import { nearest } from '../policy/nearest.ts'
import type { Principal } from '../policy/principal.ts'
import type { Lint, Subject } from './lint.ts'

/** Definitions of whom a principal names, and whom the files have to define: not each subject and group, but its issuer. */
type Definition = { readonly kind: 'token' | 'identity' | 'issuer'; readonly name: string }

export const unknownTestPrincipal: Lint = {
  id: 'unknown_test_principal',
  explanation:
    'The gate can never authenticate a token, an identity or an issuer that no file defines, so a deny that a test expects of one holds whatever the policies say of the one that was meant.',
  fix: 'name one that is defined; for somebody who holds a credential and nothing else, write as: everyone',
  *find({ policies, tests }) {
    const defined = namesOf(policies)
    for (const { as, source } of tests) {
      const definition = definitionOf(as)
      if (definition === undefined || defined[definition.kind].has(definition.name)) continue
      const { kind, name } = definition
      const guess = nearest(name, defined[kind])
      yield {
        source,
        message: `this test asks about ${kind} ${name}, which no file defines`,
        ...(guess === undefined ? {} : { hint: `did you mean ${guess}?` }),
      }
    }
  },
}

const namesOf = ({ tokens, identities, issuers }: Subject['policies']) => ({
  token: new Set(tokens.map(({ name }) => name)),
  identity: new Set(identities.map(({ name }) => name)),
  issuer: new Set(issuers.map(({ name }) => name)),
})

function definitionOf(principal: Principal): Definition | undefined {
  switch (principal.kind) {
    case 'token':
    case 'identity':
      return { kind: principal.kind, name: principal.name }
    case 'subject':
    case 'group':
      return { kind: 'issuer', name: principal.issuer }
    case 'anonymous':
    case 'everyone':
      return undefined
  }
}
