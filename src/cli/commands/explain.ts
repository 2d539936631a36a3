/** `dockgate explain`: why a registry request is decided as it is; or was, by the gate's own record. */
import { Command } from 'commander'
import { callerOfPrincipal } from '../../identity/named-caller.ts'
import { nearIdentities } from '../../identity/near-identity.ts'
import { contentVerdict } from '../../policy/analysis/content-verdict.ts'
import { explain } from '../../policy/analysis/explain.ts'
import { auditedDenies, type Facts } from '../../policy/decide/authorize.ts'
import { principalKey } from '../../policy/principal.ts'
import { parseRegistryRequest } from '../../registry/parse.ts'
import type { RegistryRequest } from '../../registry/request.ts'
import { explanationJson, explanationLines } from '../answers/explanation.ts'
import { DEFAULT_DIRECTORY, questionOf, readPolicies } from '../answers/policies.ts'
import {
  addCircumstances,
  type CircumstanceOptions,
  notesOn,
  readCircumstances,
  readPrincipal,
  readRequest,
} from '../answers/question-options.ts'
import { becauseOfRecord, readRecord, recordLines, verdictOfRecord } from '../answers/record.ts'
import {
  noteLines,
  reasonText,
  refusedRequest,
  type Verdict,
  verdictOf,
  withNotes,
  withProtections,
} from '../answers/verdict.ts'
import type { Answer } from '../json/schema.ts'
import { CommandError } from '../terminal/command-error.ts'
import * as output from '../terminal/output.ts'

type Options = Omit<CircumstanceOptions, 'tag'> & {
  readonly policies: string
  readonly mediaType?: string
  readonly artifactType?: string
  readonly record?: string
  readonly id?: string
  readonly json?: true
}

const EXAMPLES = `
Examples:
  dockgate explain token:ci DELETE /v2/samples/app/manifests/v1
  dockgate explain identity:acme-release PUT /v2/acme/app/manifests/v1.2.0 --claim environment=production
  dockgate explain anonymous GET /v2/public/hello/tags/list --json
  dockgate explain --record record.json
  grep decision gate.log | dockgate explain --id 8f1e0a4b9c2d3e4f-FRA

Says what the request needs, which rule decided, the nearest rule that would have allowed it, and the smallest change that
would. Exit status 0 for allow, 1 for deny. A record is one line of the gate's log.`

/** The command `dockgate explain` with its arguments, options and action. */
export const explainCommand = (): Command =>
  addCircumstances(
    new Command('explain')
      .description('say why a registry request is allowed or denied, and what would change that')
      .argument('[principal]', 'token:NAME, identity:NAME, subject:ISSUER/ID, group:ISSUER/ID, anonymous, everyone')
      .argument('[method]', 'GET, HEAD, PUT, POST, PATCH or DELETE')
      .argument('[path]', 'such as /v2/samples/app/manifests/v1, with its query; or a whole URL'),
  )
    .option('--media-type <type>', 'media type of a pushed manifest, for conditions that test it')
    .option('--artifact-type <type>', 'artifact type, for conditions that test it')
    .option('--record <file>', "explain a record of the gate's log instead; - reads standard input")
    .option('--id <request>', 'the record of this request, among those on standard input or in --record')
    .option('--policies <dir>', 'policy folder', DEFAULT_DIRECTORY)
    .option('--json', 'print the explanation as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (who?: string, method?: string, path?: string, options?: Options) => {
      if (options === undefined) return
      if (options.record !== undefined || options.id !== undefined) {
        if (who !== undefined) {
          throw new CommandError(2, 'a record and a request are both given', { hint: 'give one of them' })
        }
        await explainRecord(options)
        return
      }
      if (who === undefined || method === undefined || path === undefined) {
        const missing = who === undefined ? 'principal' : method === undefined ? 'method' : 'path'
        throw new CommandError(2, `missing required argument '${missing}'`, {
          hint: 'write dockgate explain token:ci GET /v2/samples/app/manifests/v1, or give --record',
        })
      }
      await explainRequest(who, readRequest(method, path), options)
    })

async function explainRequest(
  who: string,
  { method, path }: { readonly method: string; readonly path: string },
  options: Options,
): Promise<void> {
  const principal = readPrincipal(who)
  const { extras, facts } = readCircumstances(options)
  const policies = await readPolicies(options.policies, questionOf(options))
  const parsed = parseRegistryRequest(method, path)
  if (!parsed.ok) {
    const verdict = refusedRequest(parsed.error)
    const json = { ...verdict, request: { method, path }, needs: [], nearest: null, change: null }
    print(verdict, reasonText(who, verdict), [], json, options.json === true)
    return
  }
  const caller = callerOfPrincipal(principal, extras, policies.common)
  const rights = policies.rights(principal, extras)
  const asked = { kind: 'request', request: parsed.value, facts: factsOf(facts, options) } as const
  const near = nearIdentities(principal, extras, policies.common.identities)
  const explanation = explain(policies.set, policies.compiled, caller, principalKey(principal), asked, near)
  const audited = auditedDenies(rights, policies.common, parsed.value, asked.facts).map(
    (name) => `deny assignment ${name} would deny it, and is only audited`,
  )
  const notes = [...notesOn(policies.set, principal), ...(explanation.authorization.effect === 'allow' ? audited : [])]
  const allowed = withNotes(verdictOf(policies, explanation.authorization), notes)
  const verdict = withProtections(policies, allowed, contentVerdict(policies.common, rights, parsed.value, asked.facts))
  const details = [
    `  request  ${formatRequest(parsed.value)}`,
    ...explanationLines(policies, explanation),
    ...noteLines(verdict.notes ?? []),
  ]
  const request = { method, path, ...requestJson(parsed.value) }
  const json = { ...verdict, request, ...explanationJson(policies, explanation) }
  print(verdict, reasonText(who, verdict), details, json, options.json === true)
}

const factsOf = (facts: Facts, { mediaType, artifactType }: Options): Facts => ({
  ...facts,
  ...(mediaType === undefined ? {} : { mediaType }),
  ...(artifactType === undefined ? {} : { artifactType }),
})

async function explainRecord(options: Options): Promise<void> {
  const record = await readRecord(options.record ?? '-', options.id)
  const policies = await readPolicies(options.policies, questionOf(options))
  const verdict = verdictOfRecord(policies, record)
  const { operation, repository, reference } = record
  const request = {
    ...(operation === undefined ? {} : { operation }),
    ...(repository === undefined ? {} : { repository }),
    ...(reference === undefined ? {} : { reference }),
  }
  print(
    verdict,
    becauseOfRecord(record, verdict),
    recordLines(record),
    { ...verdict, request, record },
    options.json === true,
  )
}

/** The explanation is the answer: all of it goes to standard output. */
function print(
  verdict: Verdict,
  why: string,
  details: readonly string[],
  json: Answer<'explain'>,
  asJson: boolean,
): void {
  process.exitCode = verdict.decision === 'allow' ? 0 : 1
  if (asJson) {
    output.json('explain', json)
    return
  }
  output.out([
    `${output.outStyle(verdict.decision === 'allow' ? 'green' : 'red', verdict.decision)}  ${why}`,
    ...details,
  ])
}

function requestJson(request: RegistryRequest) {
  const reference = referenceOf(request)
  return {
    operation: request.operation,
    ...('name' in request && request.name !== undefined ? { repository: request.name } : {}),
    ...(reference === undefined ? {} : { reference }),
  }
}

function referenceOf(request: RegistryRequest): string | undefined {
  if ('reference' in request) return request.reference.kind === 'tag' ? request.reference.tag : request.reference.digest
  if ('digest' in request) return request.digest
  return 'tag' in request ? request.tag : undefined
}

function formatRequest(request: RegistryRequest): string {
  const { operation, repository, reference } = requestJson(request)
  const source = request.operation === 'mountBlob' ? ` from ${request.from} (an upload, if it may not be read)` : ''
  return [operation, reference, repository === undefined ? undefined : `in ${repository}`]
    .filter((part) => part !== undefined)
    .join(' ')
    .concat(source)
}
