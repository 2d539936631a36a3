/** `dockgate can`: one decision, asked by name. */
import { Command } from 'commander'
import { callerOfPrincipal } from '../../identity/named-caller.ts'
import { nearIdentities } from '../../identity/near-identity.ts'
import { explain } from '../../policy/analysis/explain.ts'
import { principalKey } from '../../policy/principal.ts'
import { explanationLines } from '../answers/explanation.ts'
import { DEFAULT_DIRECTORY, questionOf, readPolicies } from '../answers/policies.ts'
import {
  addCircumstances,
  type CircumstanceOptions,
  notesOn,
  readAction,
  readCircumstances,
  readPrincipal,
  readRepositoryFor,
} from '../answers/question-options.ts'
import { noteLines, printVerdict, verdictOf, withNotes } from '../answers/verdict.ts'

type Options = CircumstanceOptions & { readonly policies: string; readonly json?: true }

const EXAMPLES = `
Examples:
  dockgate can token:ci content/write samples/app
  dockgate can anonymous content/read public/hello --json
  dockgate can identity:acme-release content/write acme/app --tag v1.2.0 --at 2027-01-01T00:00:00Z
  dockgate can subject:entra/0f3c… catalog/read --group 1a2b…

Prints allow or deny; exit status 0 or 1.`

/** The command `dockgate can` with its arguments, options and action. */
export const canCommand = (): Command =>
  addCircumstances(
    new Command('can')
      .description('ask whether a principal holds a permission')
      .argument('<principal>', 'token:NAME, identity:NAME, subject:ISSUER/ID, group:ISSUER/ID, anonymous, everyone')
      .argument('<permission>', "such as content/read, in any spelling, or one of Azure's control-plane actions")
      .argument('[repository]', 'for permissions that are about one')
      .option('--tag <tag>', 'the tag that is meant, for conditions that test it'),
  )
    .option('--policies <dir>', 'policy folder', DEFAULT_DIRECTORY)
    .option('--json', 'print the decision as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (who: string, permission: string, repository: string | undefined, options: Options) => {
      const principal = readPrincipal(who)
      const action = readAction(permission)
      const name = readRepositoryFor(action, repository)
      const { extras, facts, tag } = readCircumstances(options)
      const { now, ...attributes } = facts
      const policies = await readPolicies(options.policies, questionOf(options))
      const caller = callerOfPrincipal(principal, extras, policies.common)
      const { claims } = caller
      const question = {
        action,
        ...(name === undefined ? {} : { repository: name }),
        attributes: {
          ...attributes,
          ...(claims === undefined ? {} : { claims }),
          ...(tag === undefined ? {} : { tag }),
        },
        now,
      }
      const asked = { kind: 'permission', question } as const
      const near = nearIdentities(principal, extras, policies.common.identities)
      const explanation = explain(policies.set, policies.compiled, caller, principalKey(principal), asked, near)
      const notes = notesOn(policies.set, principal)
      const verdict = withNotes(verdictOf(policies, explanation.authorization), notes)
      const details = verdict.decision === 'deny' ? explanationLines(policies, explanation) : []
      printVerdict(who, verdict, options.json === true, [...details, ...noteLines(notes)])
    })
