/**
 * What `--json` prints, command by command: the one definition from which come the types that the commands must satisfy, the
 * JSON Schemas in `schema/commands/`, and the check in the tests. Commands import its types only, so that none of them
 * loads the validator.
 *
 * Shapes that recur: a place is an object of file, line and column, with the file as it is seen from where the command runs;
 * a rule is its kind, its name and its place; a time is RFC 3339 text in UTC. What does not apply is absent.
 */
import { z } from 'zod'

const Count = z.int().min(0)
const Time = z.iso.datetime().describe('RFC 3339, in UTC')
const Serial = Count.describe('serial number of a bundle')
const Label = z.string().exactOptional().describe('what the bundle was made from: a git commit, or the given text')

const Source = z
  .strictObject({ file: z.string(), line: z.int().min(1), column: z.int().min(1) })
  .describe('a place in a file; the file as it is seen from where the command runs')

const RULE = {
  kind: z.enum(['scopeMap', 'anonymous', 'roleAssignment', 'denyAssignment', 'protection']),
  name: z.string(),
  source: Source.exactOptional(),
}
const Rule = z.strictObject(RULE).describe('a rule of the policies; one that no file holds has no source')

const Problem = z.strictObject({
  severity: z.enum(['error', 'warning']),
  code: z.string().describe('stable: docs/lints.md explains those of warnings'),
  source: Source,
  message: z.string(),
  hint: z.string().exactOptional(),
})

const Invalid = z
  .strictObject({ valid: z.literal(false), problems: z.array(Problem) })
  .describe('the policies are not valid, so the command has no answer')

/** Of a command that reads policies. */
const orInvalid = <T extends z.ZodType>(answer: T) => z.union([answer, Invalid])

const VERDICT = {
  decision: z.enum(['allow', 'deny']),
  by: z.array(Rule).describe('the rule that decided; none where nothing grants it, or where a credential is enough'),
  reason: z
    .strictObject({
      code: z.string(),
      permission: z.string().exactOptional(),
      repository: z.string().exactOptional(),
      message: z.string().exactOptional(),
    })
    .exactOptional()
    .describe('why it is denied'),
  notes: z.array(z.string()).exactOptional().describe('what is odd about the question'),
}

const Unmet = z.strictObject({ claim: z.string(), wanted: z.string(), value: z.string().exactOptional() })

const Lack = z.discriminatedUnion('code', [
  z.strictObject({ code: z.literal('not_begun'), from: Time }),
  z.strictObject({ code: z.literal('ended'), until: Time }),
  z.strictObject({
    code: z.literal('condition'),
    tests: z.array(
      z.strictObject({
        test: z.string(),
        attributes: z.array(z.strictObject({ name: z.string(), value: z.string().exactOptional() })),
      }),
    ),
  }),
  z.strictObject({ code: z.literal('identity'), unmet: z.array(Unmet) }),
  z.strictObject({ code: z.literal('repository'), on: z.array(z.string()) }),
  z.strictObject({ code: z.literal('mode'), role: z.string() }),
  z.strictObject({ code: z.literal('permission'), permissions: z.array(z.string()) }),
  z.strictObject({ code: z.literal('principal') }),
])

const Lines = z.array(z.string()).describe('as a scope map writes them: repositories/samples/app/content/read')
const STEP = { text: z.string() }

const Step = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('authenticate'), ...STEP }),
  z.strictObject({ kind: z.literal('comeAs'), ...STEP, identity: z.string(), unmet: z.array(Unmet) }),
  z.strictObject({ kind: z.literal('enableToken'), ...STEP, token: z.string(), source: Source }),
  z.strictObject({
    kind: z.literal('extendScopeMap'),
    ...STEP,
    scopeMap: z.string(),
    lines: Lines,
    source: Source,
    sharedWith: z.array(z.string()).describe('other tokens that would gain it too'),
  }),
  z.strictObject({
    kind: z.literal('useScopeMap'),
    ...STEP,
    token: z.string(),
    scopeMap: z.string(),
    source: Source,
  }),
  z.strictObject({ kind: z.literal('defineToken'), ...STEP, token: z.string(), lines: Lines }),
  z.strictObject({ kind: z.literal('extendAnonymous'), ...STEP, lines: Lines, source: Source.exactOptional() }),
  z.strictObject({
    kind: z.literal('assignRole'),
    ...STEP,
    principal: z.string(),
    role: z.string(),
    define: z
      .strictObject({ actions: z.array(z.string()), dataActions: z.array(z.string()) })
      .exactOptional()
      .describe('the role, where it has to be defined first'),
    repositories: z.array(z.string()).exactOptional(),
  }),
  z.strictObject({ kind: z.literal('beginEarlier'), ...STEP, rule: Rule, time: Time }),
  z.strictObject({ kind: z.literal('endLater'), ...STEP, rule: Rule, time: Time }),
  z.strictObject({ kind: z.literal('spare'), ...STEP, rule: Rule, principal: z.string() }),
])

const Request = z.strictObject({
  method: z.string().exactOptional(),
  path: z.string().exactOptional(),
  operation: z.string().exactOptional(),
  repository: z.string().exactOptional(),
  reference: z.string().exactOptional(),
})

const Explanation = z.strictObject({
  ...VERDICT,
  request: Request,
  needs: z.array(
    z.strictObject({
      permission: z.string(),
      repository: z.string().exactOptional(),
      orElse: z.string().exactOptional().describe('does as well'),
      decision: VERDICT.decision,
    }),
  ),
  nearest: z.strictObject({ ...RULE, principal: z.string(), lack: Lack, text: z.string() }).nullable(),
  change: z
    .strictObject({ text: z.string(), steps: z.array(Step) })
    .nullable()
    .describe('the smallest change that would allow it; steps are made in order'),
})

const ExplainedRecord = z.strictObject({
  ...VERDICT,
  request: Request,
  record: z.record(z.string(), z.unknown()).describe('the record as it was read'),
})

const LIMITS = { on: z.array(z.string()).exactOptional(), if: z.string().exactOptional() }
const Holder = z.strictObject({
  principal: z.string(),
  by: z.array(z.strictObject({ ...RULE, ...LIMITS, until: Time.exactOptional() })),
  unless: z
    .array(
      z.strictObject({
        ...RULE,
        ...LIMITS,
        except: z.array(z.string()).exactOptional(),
      }),
    )
    .exactOptional(),
})

const Right = z.strictObject({ always: z.boolean(), if: z.array(z.string()), unless: z.array(z.string()) })
const Difference = z.strictObject({
  changed: z.boolean(),
  changes: z.array(
    z.strictObject({
      kind: z.enum(['gained', 'lost', 'changed']),
      permissions: z.array(z.string()),
      principals: z.array(z.string()),
      on: z.string().exactOptional(),
      scale: z.enum(['everything', 'prefix', 'repository']).exactOptional(),
      except: z.array(z.string()),
      was: Right,
      is: Right,
      exact: z.boolean().describe('false where a condition decides: then texts of conditions were compared'),
    }),
  ),
  definitions: z.array(z.strictObject({ name: z.string(), was: z.string(), is: z.string() })),
})

const BeforeAfter = z.strictObject({ before: Count, after: Count })
const Tally = z.strictObject({ kept: Count, removed: Count })
const STORE = { place: z.string().describe('the store, in words') }
const Seconds = z.number().exactOptional().describe('until the gate at --url used it')

const TOKEN = { token: z.string(), file: z.string() }
const PASSWORD = {
  ...TOKEN,
  password: z.enum(['password1', 'password2']),
  expires: Time.exactOptional(),
  secret: z.string().describe('shown this once'),
}
const TokenStatus = orInvalid(
  z.strictObject({
    token: z.string(),
    status: z.enum(['enabled', 'disabled']),
    changed: z.boolean(),
    file: z.string().exactOptional(),
  }),
)

const Jwk = z.record(z.string(), z.unknown())
const Imported = z.strictObject({
  complete: z.boolean().describe('no rule is lost'),
  findings: z.array(
    z.strictObject({
      severity: z.enum(['lost', 'wider', 'note']),
      source: Source,
      message: z.string(),
      hint: z.string().exactOptional(),
    }),
  ),
  policy: z.string().exactOptional().describe('the text of the policy file, without --out'),
  out: z.string().exactOptional(),
})

const PROTECTED = {
  repository: z.string(),
  protections: z.array(
    z.strictObject({
      name: z.string(),
      mode: z.enum(['enforce', 'audit']),
      writeOnce: z.literal(true).exactOptional(),
      tags: z.array(z.string()).exactOptional(),
      quarantine: z.literal(true).exactOptional(),
      releaseAfter: Count.exactOptional().describe('seconds'),
      message: z.string().exactOptional(),
    }),
  ),
}
const Seeded = z.strictObject({
  repositories: z.array(
    z.strictObject({
      repository: z.string(),
      covered: Count.describe('tags that a write-once protection covers'),
      adopted: z.array(z.strictObject({ name: z.string(), digest: z.string() })).describe('tags that are known now'),
      conflicts: z
        .array(z.strictObject({ name: z.string(), expected: z.string(), found: z.string().nullable() }))
        .describe('tags that the registry has with another digest, or not: these are not known'),
    }),
  ),
})
const Quarantined = z.strictObject({
  repository: z.string(),
  digest: z.string(),
  state: z
    .enum(['pending', 'passed', 'failed'])
    .exactOptional()
    .describe('absent: never held back, because it is attached to another manifest'),
  details: z.string().exactOptional(),
  tags: z.array(z.string()),
  seen: Time.exactOptional().describe('when the gate first saw it'),
})

/** By the name of the command; `invalid` is what every command that reads policies says of those that are not valid. */
export const ANSWERS = {
  invalid: Invalid,
  init: z.strictObject({ files: z.array(z.string()) }),
  check: z.strictObject({
    valid: z.boolean(),
    problems: z.array(Problem),
    tests: z.array(z.strictObject({ passed: z.boolean(), message: z.string(), source: Source })),
  }),
  can: orInvalid(z.strictObject(VERDICT)),
  explain: z.union([Explanation, ExplainedRecord, Invalid]),
  'who-can': orInvalid(
    z.strictObject({
      permission: z.string(),
      repository: z.string().exactOptional(),
      principals: z.array(Holder),
      except: z
        .array(z.strictObject({ principal: z.string(), by: Holder.shape.unless.unwrap().element }))
        .describe('whom a deny keeps from what everybody has'),
      doubtful: z
        .array(z.strictObject({ principal: z.string(), by: Holder.shape.unless.unwrap().element }))
        .exactOptional()
        .describe('principals of a deny that holds too where the claims of a caller do not say whether it is one'),
      protections: z.array(Rule).exactOptional().describe('that may refuse what the permission allows'),
    }),
  ),
  diff: orInvalid(Difference),
  build: orInvalid(
    z.strictObject({
      serial: Serial,
      label: Label,
      principals: Count,
      grants: Count,
      shards: z.strictObject({ total: Count, largestBytes: Count }),
      bytes: z.strictObject({ total: Count, manifest: Count }),
      out: z.string().exactOptional(),
    }),
  ),
  push: orInvalid(
    z.strictObject({
      serial: Serial,
      label: Label,
      pointer: z.string(),
      service: z.string(),
      previousSerial: Serial.exactOptional(),
      previousLabel: Label,
      keyId: z.string(),
      expires: Time,
      changed: z.boolean(),
      principals: BeforeAfter,
      grants: BeforeAfter,
      shards: z.strictObject({ total: Count, uploaded: Count }),
      bytes: z.strictObject({ total: Count, uploaded: Count, manifest: Count }),
      ...STORE,
      dryRun: z.boolean(),
      rights: Difference.nullable()
        .exactOptional()
        .describe('of a dry run; null where the bundle in force cannot be read'),
      seconds: Seconds,
    }),
  ),
  rollback: z.strictObject({
    serial: Serial,
    label: Label,
    pointer: z.string(),
    service: z.string(),
    rollbackOf: Serial,
    previousSerial: Serial,
    previousLabel: Label,
    made: Time.describe('when the bundle was made that is brought back'),
    grants: BeforeAfter,
    ...STORE,
    dryRun: z.boolean(),
    seconds: Seconds,
  }),
  status: z.strictObject({
    serial: Serial,
    label: Label,
    service: z.string(),
    pointer: z.string(),
    created: Time,
    expires: Time,
    rollbackOf: Serial.exactOptional(),
    principals: Count,
    grants: Count,
    shards: Count,
    bytes: z.strictObject({ total: Count, manifest: Count }),
    keyId: z.string(),
    ageSeconds: z.int(),
    expired: z.boolean(),
    ...STORE,
    history: z.array(Serial).describe('bundles that can be returned to, newest first'),
    labels: z.record(z.string(), z.string()).describe('the labels of those bundles, by serial'),
    gate: z
      .strictObject({ serial: Serial, keyId: z.string().exactOptional() })
      .nullable()
      .exactOptional()
      .describe('the bundle of the gate at --url; null where it has none'),
  }),
  prune: z.strictObject({ bundles: Tally, shards: Tally, ...STORE, dryRun: z.boolean() }),
  'token create': orInvalid(z.strictObject({ ...PASSWORD, scopeMap: z.string() })),
  'token rotate': orInvalid(z.strictObject(PASSWORD)),
  'token disable': TokenStatus,
  'token enable': TokenStatus,
  'import azure': Imported,
  'import docker-auth': Imported,
  'import zot': Imported,
  'keys generate': z.union([
    z.strictObject({ policySigningKey: Jwk, policyPublicKeys: Jwk, tokenSigningKey: Jwk }),
    z
      .strictObject({ policySigningKey: z.string(), policyPublicKeys: z.string(), tokenSigningKey: z.string() })
      .describe('with --out: the names of the files'),
  ]),
  logs: z.strictObject({
    requests: Count.describe('records that were chosen'),
    unread: Count.describe('lines that hold no record'),
    refusals: z.array(
      z.strictObject({
        principal: z.string().exactOptional(),
        reason: z.string(),
        permission: z.string().exactOptional(),
        repository: z.string().exactOptional(),
        requests: Count,
        last: z.string(),
        change: z.string().exactOptional().describe('the smallest change of the policies that would allow it'),
      }),
    ),
  }),
  'protections list': z.strictObject({ repositories: z.array(z.strictObject(PROTECTED)) }),
  'protections show': z.strictObject({
    repositories: z.array(
      z.strictObject({
        ...PROTECTED,
        tags: z
          .array(
            z.strictObject({
              name: z.string(),
              digest: z.string(),
              confirmed: z.boolean().describe('false: its push is under way, or its answer was lost'),
              protection: z.string().exactOptional().describe('that keeps the tag'),
            }),
          )
          .describe('tags that the gate knows'),
      }),
    ),
  }),
  'protections seed': Seeded,
  'protections import': Seeded,
  'quarantine list': z.strictObject({ manifests: z.array(Quarantined) }),
  'quarantine show': Quarantined,
  'quarantine release': Quarantined,
  'quarantine reject': Quarantined,
  probe: z.strictObject({
    url: z.string(),
    requests: Count,
    checks: z.array(z.strictObject({ name: z.string(), ok: z.boolean(), skipped: z.string().exactOptional() })),
    findings: z.array(
      z.strictObject({
        check: z.string(),
        request: z.string(),
        credential: z.string(),
        status: z.int(),
        problem: z.string(),
      }),
    ),
  }),
  roles: z.array(
    z.strictObject({
      title: z.string(),
      about: z.string(),
      columns: z.array(z.string()),
      rows: z.array(z.array(z.union([z.string(), z.boolean()]))),
    }),
  ),
} as const

type Frozen<T> = T extends (infer Item)[]
  ? readonly Frozen<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: Frozen<T[Key]> }
    : T

/** A command that has `--json`, as its schema is named. */
export type CommandName = keyof typeof ANSWERS
/** What the command prints with `--json`. */
export type Answer<Name extends CommandName> = Frozen<z.input<(typeof ANSWERS)[Name]>>
