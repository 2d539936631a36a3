/**
 * What `dockgate dev` prints once it serves: commands to paste, for a token that may push and for one that may not, for
 * each kind of client.
 */
import type { CompiledPolicy, GrantData } from '../../policy/compiled.ts'
import { PERMISSION_BITS } from '../../policy/permission-bits.ts'
import { principalKey } from '../../policy/principal.ts'
import { SEED_REPOSITORY, SEED_TAG } from './seed.ts'

type Player = { readonly name: string; readonly password: string }

export type Welcome = {
  readonly url: string
  readonly compiled: CompiledPolicy
  readonly passwords: ReadonlyMap<string, string>
  /** The image to copy is in the registry behind the gate. */
  readonly isSeeded: boolean
}

const PUSH = PERMISSION_BITS['content/write'] | PERMISSION_BITS['content/read']

const holds = (grant: GrantData, bits: number): boolean => (grant.bits & bits) === bits && grant.when === undefined

/** Text for a person, without colours; empty when no token has a password that is known here. */
export function welcome({ url, compiled, passwords, isSeeded }: Welcome): string {
  const host = new URL(url).host
  const grantsOf = (name: string) => compiled.principals.get(principalKey({ kind: 'token', name }))?.grants ?? []
  const players = [...passwords].map(([name, password]): Player => ({ name, password }))
  const pusher = players.find(({ name }) => grantsOf(name).some((grant) => holds(grant, PUSH)))
  const puller = players.find(
    ({ name }) => name !== pusher?.name && !grantsOf(name).some((grant) => holds(grant, PUSH)),
  )
  if (pusher === undefined) return ''
  const pattern = grantsOf(pusher.name).find((grant) => holds(grant, PUSH))?.on ?? '*'
  const repository = `${host}/${pattern.endsWith('*') ? `${pattern.slice(0, -1)}hello` : pattern}`
  const source = isSeeded ? `${host}/${SEED_REPOSITORY}:${SEED_TAG}` : `${host}/IMAGE`
  const sections = [
    `Token ${pusher.name} may push:`,
    ...commands(host, pusher, source, `${repository}:v1`),
    ...(puller === undefined
      ? []
      : [
          '',
          `Token ${puller.name} may not push, and is told so:`,
          ...commands(host, puller, source, `${repository}:v2`),
        ]),
  ]
  return sections.join('\n')
}

function commands(host: string, { name, password }: Player, source: string, target: string): readonly string[] {
  return [
    '  # crane',
    `  crane auth login ${host} -u ${name} -p ${password}`,
    `  crane copy --insecure ${source} ${target}`,
    `  crane digest --insecure ${target}`,
    '  # skopeo (podman login and podman push take the same options)',
    `  skopeo login --tls-verify=false -u ${name} -p ${password} ${host}`,
    `  skopeo copy --src-tls-verify=false --dest-tls-verify=false docker://${source} docker://${target}`,
    '  # docker',
    `  docker login ${host} -u ${name} -p ${password}`,
    `  docker pull ${source} && docker tag ${source} ${target} && docker push ${target}`,
  ]
}
