/** A question to the engine, as a program writes it: names are texts, and are read here. Never decides. */
import type { CallerAttributes } from '../identity/named-caller.ts'
import type { AccessQuestion } from '../policy/analysis/access-question.ts'
import { parseIpAddress } from '../policy/decide/condition/ip.ts'
import type { EpochSeconds } from '../policy/model.ts'
import { type Principal, parsePrincipal } from '../policy/principal.ts'
import { parseRepositoryName, parseTag } from '../registry/name.ts'
import { parseAction, takesRepository } from '../registry/permission.ts'
import type { RegistryRequest } from '../registry/request.ts'

type Circumstances = {
  /**
   * Who asks: `token:NAME`, `identity:NAME`, `subject:ISSUER/ID`, `group:ISSUER/ID`, `anonymous` or `everyone`. It is taken
   * as proved: a credential is for the gate to verify.
   */
  readonly principal: string
  /** Claims of the caller's token. A list matches no claim of an identity. Default: none. */
  readonly claims?: Readonly<Record<string, string | readonly string[]>>
  /** Ids of the caller's groups, as its issuer writes them. Default: none. */
  readonly groups?: readonly string[]
  /** Address of the client, IPv4 or IPv6. Absent: unknown, so no condition on it is met. */
  readonly clientIp?: string
  /** When it is asked, in seconds since 1970-01-01T00:00:00Z. */
  readonly now: EpochSeconds
}

/** May the caller do this? */
export type PermissionQuestion = Circumstances & {
  /** `content/read`, `catalog/read` and so on, or one of Azure's control-plane actions. */
  readonly permission: string
  /** Needed for permissions that are about one repository; must be absent for others. */
  readonly repository?: string
  /** The tag that is meant. Absent: any tag may be meant, so a grant on certain tags applies. */
  readonly tag?: string
}

/** May the caller send this request? */
export type RequestQuestion = Circumstances & {
  readonly request: RegistryRequest
  /** Media type of a pushed manifest. Absent: unknown. */
  readonly mediaType?: string
  /** Artifact type of a pushed manifest. Absent: unknown. */
  readonly artifactType?: string
}

/** A question to a policy: about a permission, or about a registry request. */
export type PolicyQuestion = PermissionQuestion | RequestQuestion

/** Why a question cannot be read. */
export type QuestionProblem =
  | 'client_ip_invalid'
  | 'permission_unknown'
  | 'principal_invalid'
  | 'repository_invalid'
  | 'repository_missing'
  | 'repository_unwanted'
  | 'tag_invalid'

/** A question that cannot be asked. `code` is stable. */
export class QuestionError extends Error {
  override readonly name = 'QuestionError'
  readonly code: QuestionProblem

  constructor(code: QuestionProblem, message: string) {
    super(message)
    this.code = code
  }
}

/** @internal */
export type ReadQuestion = {
  readonly principal: Principal
  readonly extras: CallerAttributes
  readonly asked: AccessQuestion
}

/** @internal @throws {@link QuestionError} when a part of it cannot be read */
export function readQuestion(question: PolicyQuestion): ReadQuestion {
  const { claims = {}, groups = [], clientIp, now } = question
  const principal = parsePrincipal(question.principal)
  if (!principal.ok) throw new QuestionError('principal_invalid', `"${question.principal}" is not a principal`)
  if (clientIp !== undefined && parseIpAddress(clientIp) === undefined) {
    throw new QuestionError('client_ip_invalid', `"${clientIp}" is not an IP address`)
  }
  const address = clientIp === undefined ? {} : { clientIp }
  const asked: AccessQuestion =
    'request' in question
      ? { kind: 'request', request: question.request, facts: { ...typesOf(question), ...address, now } }
      : {
          kind: 'permission',
          question: { ...readPermission(question), attributes: { ...readTag(question), ...address, claims }, now },
        }
  return { principal: principal.value, extras: { claims, groups }, asked }
}

const typesOf = ({ mediaType, artifactType }: RequestQuestion) => ({
  ...(mediaType === undefined ? {} : { mediaType }),
  ...(artifactType === undefined ? {} : { artifactType }),
})

function readPermission({ permission, repository }: PermissionQuestion) {
  const action = parseAction(permission)
  if (!action.ok) throw new QuestionError('permission_unknown', `"${permission}" is not a permission`)
  if (!takesRepository(action.value)) {
    if (repository === undefined) return { action: action.value }
    throw new QuestionError('repository_unwanted', `${permission} is not about one repository`)
  }
  if (repository === undefined) throw new QuestionError('repository_missing', `${permission} needs a repository`)
  const name = parseRepositoryName(repository)
  if (!name.ok) throw new QuestionError('repository_invalid', `"${repository}" is not a repository name`)
  return { action: action.value, repository: name.value }
}

function readTag({ tag }: PermissionQuestion) {
  if (tag === undefined) return {}
  const read = parseTag(tag)
  if (!read.ok) throw new QuestionError('tag_invalid', `"${tag}" is not a tag`)
  return { tag: read.value }
}
