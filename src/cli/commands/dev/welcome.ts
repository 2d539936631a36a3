/**
 * What `dockgate dev` prints once it serves: commands to paste, for each kind of client, as a token that may push and as one
 * that may not. The policies decide which tokens, repositories and tags: what they would answer otherwise is left out.
 */
import { authorize } from '../../../policy/decide/authorize.ts'
import type { EpochSeconds } from '../../../policy/model.ts'
import { type Principal, principalKey } from '../../../policy/principal.ts'
import { parseRegistryRequest } from '../../../registry/parse.ts'
import type { Policies } from '../../answers/policies.ts'
import { SEED_REPOSITORY, SEED_TAG } from './seed.ts'

/** What the first text of `dockgate dev` names. */
export type Welcome = {
  /** Of the gate, without a slash at the end. */
  readonly url: string
  readonly policies: Policies
  /** Of the tokens whose passwords are known here. */
  readonly passwords: ReadonlyMap<string, string>
  /** Where all of them are. */
  readonly passwordFile: string
  /** The development registry behind the gate, which holds the image to copy; absent before a registry of somebody else. */
  readonly registry?: string
  readonly now: EpochSeconds
}

type Player = { readonly name: string; readonly password: string }
type Target = { readonly repository: string; readonly tag: string }

/** Stands for an image that the reader has. */
const ANY_IMAGE = 'IMAGE'
/** A condition may want tags to look like versions. */
const TAGS = ['v1', 'v1.0.0', '1.0.0', SEED_TAG]

const REFUSED_TAG = 'v2'

const putOf = ({ repository, tag }: Target): string => `PUT /v2/${repository}/manifests/${tag}`
const push = (target: Target): readonly string[] => [
  `POST /v2/${target.repository}/blobs/uploads/`,
  putOf(target),
  ...pull(target),
]
const pull = ({ repository, tag }: Target): readonly string[] => [
  `HEAD /v2/${repository}/manifests/${tag}`,
  `GET /v2/${repository}/manifests/${tag}`,
]

/** Text for a person, without colours; empty when no token has a password that is known here. */
export function welcome({ url, policies, passwords, passwordFile, registry, now }: Welcome): string {
  const may = decider(policies, now)
  const host = new URL(url).host
  const seed = { repository: SEED_REPOSITORY, tag: SEED_TAG }
  const sourceFor = ({ name }: Player): string => {
    if (registry === undefined) return ANY_IMAGE
    return `${may(name, pull(seed)) ? host : new URL(registry).host}/${SEED_REPOSITORY}:${SEED_TAG}`
  }
  const players = [...passwords]
    .map(([name, password]): Player => ({ name, password }))
    .filter(({ name }) => may(name, ['GET /v2/']))
  const [pushing] = players.flatMap((player) => {
    const target = targetsOf(policies, player.name).find((candidate) => may(player.name, push(candidate)))
    return target === undefined ? [] : [{ player, target }]
  })
  const sections: (readonly string[])[] = []
  if (pushing !== undefined) {
    const { player, target } = pushing
    const image = `${host}/${target.repository}:${target.tag}`
    sections.push([`Token ${player.name} may push:`, ...copying(host, player, sourceFor(player), image, true)])
    // Another tag: of an image that is there already, clients push nothing.
    const other = { repository: target.repository, tag: REFUSED_TAG }
    const idle = players.filter(({ name }) => ![target, other].some((each) => may(name, [putOf(each)])))
    const reader = idle.find(({ name }) => may(name, pull(other)))
    const refused = reader ?? idle[0]
    if (refused !== undefined) {
      // Who may not even look is refused at a HEAD, whose answer has no text.
      const outcome = reader === undefined ? 'and is refused' : 'and the client says why'
      const wanted = `${host}/${other.repository}:${other.tag}`
      const commands = copying(host, refused, sourceFor(refused), wanted, false)
      sections.push([`Token ${refused.name} may not push, ${outcome}:`, ...commands])
    }
  } else if (registry !== undefined) {
    const player = players.find(({ name }) => may(name, pull(seed)))
    const image = `${host}/${SEED_REPOSITORY}:${SEED_TAG}`
    if (player !== undefined) sections.push([`Token ${player.name} may pull:`, ...pulling(host, player, image)])
  }
  const notes = [
    ...(sections.length > 0 ? ['podman takes the options of skopeo.'] : []),
    ...(sections.length > 0 && registry === undefined ? [`${ANY_IMAGE} stands for any image that you have.`] : []),
    ...(passwords.size > 0 ? [`The passwords of all tokens that have none in the policies: ${passwordFile}`] : []),
  ]
  if (notes.length > 0) sections.push(notes)
  return sections.map((lines) => lines.join('\n')).join('\n\n')
}

/** Whether a token would be let through with all of these requests. */
const decider =
  (policies: Policies, now: EpochSeconds) =>
  (token: string, requests: readonly string[]): boolean => {
    const rights = policies.rights({ kind: 'token', name: token }, {})
    return requests.every((line) => {
      const [method = '', path = ''] = line.split(' ')
      const request = parseRegistryRequest(method, path)
      return request.ok && authorize(rights, policies.common, request.value, { now }).effect === 'allow'
    })
  }

/** Where a token may perhaps push: one repository below each pattern of its rights. */
function targetsOf({ compiled }: Policies, name: string): readonly Target[] {
  const token: Principal = { kind: 'token', name }
  const { everyone, anonymous } = compiled.common
  const own = compiled.principals.get(principalKey(token))
  const patterns = [own, everyone, anonymous].flatMap((data) => (data?.grants ?? []).map(({ on }) => on))
  return [...new Set(patterns)].flatMap((pattern) => {
    const repository = pattern.endsWith('*') ? `${pattern.slice(0, -1)}hello` : pattern
    return TAGS.map((tag) => ({ repository, tag }))
  })
}

function copying(
  host: string,
  { name, password }: Player,
  source: string,
  target: string,
  succeeds: boolean,
): readonly string[] {
  const fetched = source === ANY_IMAGE ? '' : `docker pull ${source} && `
  return [
    `  crane auth login ${host} -u ${name} -p ${password}`,
    `  crane copy --insecure ${source} ${target}`,
    ...(succeeds ? [`  crane digest --insecure ${target}`] : []),
    `  skopeo login --tls-verify=false -u ${name} -p ${password} ${host}`,
    `  skopeo copy --src-tls-verify=false --dest-tls-verify=false docker://${source} docker://${target}`,
    `  docker login ${host} -u ${name} -p ${password}`,
    `  ${fetched}docker tag ${source} ${target} && docker push ${target}`,
  ]
}

const pulling = (host: string, { name, password }: Player, image: string): readonly string[] => [
  `  crane auth login ${host} -u ${name} -p ${password}`,
  `  crane digest --insecure ${image}`,
  `  skopeo login --tls-verify=false -u ${name} -p ${password} ${host}`,
  `  skopeo inspect --tls-verify=false docker://${image}`,
  `  docker login ${host} -u ${name} -p ${password}`,
  `  docker pull ${image}`,
]
