/**
 * Decision tests (`*.test.yaml`): questions and the decisions that a policy set must make. Never decides.
 */
import type { EpochSeconds, Source } from '../policy/model.ts'
import type { Principal } from '../policy/principal.ts'
import type { Digest, RepositoryName, Tag } from '../registry/name.ts'
import { type Action, takesRepository } from '../registry/permission.ts'
import { DecisionTest as Definition, type Reason, TestFile } from './definition.ts'
import { type FileDocument, isMapping } from './document.ts'
import { Entry } from './entry.ts'
import { complaint, type Report } from './problem.ts'
import { notAMapping, reportUnknownKeys, wrongType } from './validation.ts'

/** One decision test: a question, and the decision that it expects. */
export type DecisionTest = {
  /** A principal that no file names is decided like any other. */
  readonly as: Principal
  readonly question:
    | { readonly kind: 'can'; readonly action: Action; readonly repository?: RepositoryName }
    /** The request as written: whether it is one is for the registry's parser to say. */
    | { readonly kind: 'request'; readonly method: string; readonly path: string }
  readonly expect: 'allow' | 'deny'
  /** Code of the reason; absent: any. */
  readonly reason?: Reason
  readonly tag?: Tag
  readonly ip?: string
  /** Absent: now. */
  readonly at?: EpochSeconds
  readonly claims: Readonly<Record<string, string | readonly string[]>>
  /** Absent: a JWT that does not hold the groups claim. */
  readonly groups?: readonly string[]
  /** The digest that the tag of the request names; absent: the registry does not have the tag. */
  readonly tagExists?: Digest
  /** The state of the pulled manifest; absent: pending. */
  readonly quarantine?: 'pending' | 'released' | 'rejected'
  readonly source: Source
}

/** The tests of one file; what is wrong is reported, and left out. */
export function readTests(document: FileDocument, report: Report): readonly DecisionTest[] {
  const root = new Entry(document, [], document.value)
  if (document.broken || root.value === undefined || root.value === null) return []
  if (!isMapping(root.value)) {
    report.error(root.at(), notAMapping(root.value))
    return []
  }
  reportUnknownKeys(root, Object.keys(TestFile.shape), report)
  const list = root.child('tests')
  if (list.value === undefined || list.value === null) return []
  if (!Array.isArray(list.value)) report.error(list.at(), wrongType('array', list.value))
  return list.children().flatMap((entry) => readTest(entry, report))
}

function readTest(entry: Entry, report: Report): readonly DecisionTest[] {
  const test = entry.parse(Definition, report)
  if (test === undefined) return []
  const { as, can, on, request, expect, claim = {}, ...rest } = test
  const fail = (key: string, code: string, message: string, hint: string) => {
    report.error(key === '' ? entry.source : entry.keyAt(key), complaint(code, message, hint))
    return []
  }
  const common = { as, expect, ...rest, claims: claim, source: entry.source }
  if (request !== undefined) {
    if (can !== undefined) return fail('can', 'ambiguous', 'can and request are both given', 'keep one of them')
    if (on !== undefined) return fail('on', 'ambiguous', 'a request names its repository itself', 'remove on')
    return [{ ...common, question: { kind: 'request', ...request } }]
  }
  for (const key of ['tagExists', 'quarantine'] as const) {
    if (rest[key] === undefined) continue
    const hint = 'write request: METHOD /v2/NAME/manifests/TAG in place of can and on'
    return fail(key, 'ambiguous', `${key} is about a request`, hint)
  }
  if (can === undefined) return fail('', 'missing_key', 'can is missing', 'add can with a permission, or request')
  if (takesRepository(can)) {
    if (on === undefined)
      return fail('', 'missing_key', 'on is missing', `add on: the repository for which ${can} is asked`)
    return [{ ...common, question: { kind: 'can', action: can, repository: on } }]
  }
  if (on !== undefined) return fail('on', 'ambiguous', `${can} is not about one repository`, 'remove on')
  return [{ ...common, question: { kind: 'can', action: can } }]
}
