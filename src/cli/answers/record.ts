/**
 * An audit record of the gate, read back: what was decided then, in the words of a decision now, with the rule's place in the
 * files of today. Never decides again: claims and groups of the caller are not in a record.
 */
import { readFile } from 'node:fs/promises'
import { text as readAll } from 'node:stream/consumers'
import * as z from 'zod'
import { parseRule } from '../../policy/decide/compiled.ts'
import { CommandError } from '../terminal/command-error.ts'
import type { Policies, RuleReference } from './policies.ts'
import { formatReference, reasonText, type Verdict } from './verdict.ts'

const AuditRecord = z.looseObject({
  v: z.number().exactOptional(),
  time: z.string(),
  id: z.string(),
  principal: z.string().exactOptional(),
  as: z.array(z.string()).exactOptional(),
  operation: z.string().exactOptional(),
  permission: z.string().exactOptional(),
  repository: z.string().exactOptional(),
  reference: z.string().exactOptional(),
  decision: z.enum(['allow', 'deny']),
  rule: z.string().exactOptional(),
  reason: z.string().exactOptional(),
  bundle: z.number().exactOptional(),
  status: z.number(),
})

/** One audit record of the gate, with the keys that the commands read. */
export type AuditRecord = z.output<typeof AuditRecord>

const HINT = 'a record is one line of the gate\'s log: {"time":…,"id":…,"decision":…,"status":…}'

/**
 * The record in a file, or on standard input with `-`; with `id` the one of that request.
 *
 * @throws {@link CommandError} 2 when there is none, or several and no `id`
 */
export async function readRecord(file: string, id: string | undefined): Promise<AuditRecord> {
  const place = file === '-' ? 'standard input' : file
  const text = await (file === '-' ? readAll(process.stdin) : readFile(file, 'utf8')).catch((cause: unknown) => {
    throw new CommandError(2, `${file} cannot be read`, { hint: 'name a file, or - for standard input', cause })
  })
  const records = text.split('\n').flatMap((line) => parseRecord(line) ?? [])
  const [record, ...others] = id === undefined ? records : records.filter((candidate) => candidate.id === id)
  if (record === undefined) {
    const what = id === undefined ? 'no audit record' : `no audit record of request ${id}`
    throw new CommandError(2, `${place} holds ${what}`, { hint: HINT })
  }
  // A request has one record; of copies of it any will do.
  if (id === undefined && others.length > 0) {
    throw new CommandError(2, `${place} holds ${records.length} records`, { hint: 'choose one with --id REQUEST_ID' })
  }
  return record
}

/** A value as an audit record; undefined for one that is none, such as another line of the gate. */
export const recordOf = (value: unknown): AuditRecord | undefined => AuditRecord.safeParse(value).data

/** The audit record in one line of the gate's log; nothing for every other line. */
export function parseRecord(line: string): AuditRecord | undefined {
  if (!line.trimStart().startsWith('{')) return undefined
  try {
    return recordOf(JSON.parse(line))
  } catch {
    return undefined
  }
}

/** What the gate decided. A rule that the files no longer hold has no source. */
export function verdictOfRecord(policies: Policies, record: AuditRecord): Verdict {
  const { decision, rule, reason, permission, repository } = record
  return {
    decision,
    by: rule === undefined ? [] : [policies.reference(parseRule(rule))],
    ...(reason === undefined
      ? {}
      : {
          reason: {
            code: reason,
            ...(permission === undefined ? {} : { permission }),
            ...(repository === undefined ? {} : { repository }),
          },
        }),
  }
}

/** What the gate's own reasons mean; those of policy are in `because`. */
const REASONS: Readonly<Record<string, string>> = {
  not_a_registry_request: 'it was not a registry request',
  credential_malformed: 'the credential could not be read',
  credential_invalid: 'the credential was not valid',
  credential_expired: 'the token had expired',
  credential_revoked: 'the credential behind the token was changed or removed',
  too_many_failures: 'too many logins from there had failed',
  insufficient_scope: 'policy allowed it, but the token that was presented did not reach it',
  upload_unknown: 'the upload was not one of this caller in this repository',
  form_body: 'the body was a form',
  body_too_large: 'the body was larger than the gate takes',
  attributes_invalid: 'the body held no attributes',
  cursor_invalid: 'the page cursor was not one of this list',
  policy_unavailable: 'the gate could not read its policy',
  signing_key_unavailable: 'the gate had no key for its tokens',
  settings_invalid: 'the gate was not set up rightly',
  issuer_unavailable: "the keys of the token's issuer could not be read",
  upstream_unreachable: 'the registry behind the gate could not be reached',
  upstream_timeout: 'the registry behind the gate did not answer',
  upstream_unauthorized: 'the registry behind the gate did not accept the gate',
  upstream_invalid: 'the answer of the registry behind the gate could not be passed on',
  internal_error: 'the gate failed',
}

/** Why, in one line. */
export function becauseOfRecord(record: AuditRecord, verdict: Verdict): string {
  const [rule] = verdict.by
  const failed = record.status >= 500 ? 'the registry behind the gate answered with an error' : undefined
  const gate = REASONS[verdict.reason?.code ?? ''] ?? failed
  if (gate === undefined) return `${reasonText(record.principal ?? 'nobody', verdict)}${lost(rule)}`
  return verdict.decision === 'allow' && rule !== undefined
    ? `by ${formatReference(rule)}${lost(rule)}, but ${gate}`
    : gate
}

const lost = (rule: RuleReference | undefined): string =>
  rule === undefined || rule.source !== undefined || rule.name.startsWith('_repositories_')
    ? ''
    : ', a rule that the files do not hold any more'

/** What was asked, when, and what the client got. */
export function recordLines({ time, id, principal, operation, repository, reference, bundle, status }: AuditRecord) {
  const what = [operation, reference, repository === undefined ? undefined : `in ${repository}`]
  return [
    `  asked    ${what.filter((part) => part !== undefined).join(' ') || 'nothing that a registry knows'}, by ${principal ?? 'nobody known'}`,
    `  then     ${time}, answered ${status}${bundle === undefined ? '' : `, bundle ${bundle}`}, request ${id}`,
  ]
}
