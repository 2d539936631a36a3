/**
 * What `az acr show` says of one registry, as far as an import needs it. Never imports anything.
 *
 * Source: Azure REST "Registries - Get"; Azure "container-registry-rbac-abac-repository-permissions",
 * "anonymous-pull-access", "container-registry-authentication", "container-registry-access-selected-networks".
 */
import { FileDocument, isMapping } from '../files/document.ts'
import { Entry, spellingsOf } from '../files/entry.ts'
import type { PolicyText } from '../files/load.ts'
import { formatSource, Report } from '../files/problem.ts'
import type { Mode, Source } from '../policy/model.ts'
import { ImportError } from './input.ts'

/** What is read of the output of `az acr show`. */
export type ShownRegistry = {
  readonly name: string
  readonly loginServer: string
  /** Undefined if the answer does not say it, as those of older tools. */
  readonly mode: Mode | undefined
  readonly hasAnonymousPull: boolean
  readonly hasAdminUser: boolean
  /** What else keeps callers away there: rules of the network, and the quarantine. */
  readonly barriers: readonly string[]
  readonly source: Source
}

const KEYS = spellingsOf([
  ...['name', 'type', 'loginServer', 'roleAssignmentMode', 'anonymousPullEnabled', 'adminUserEnabled'],
  ...['publicNetworkAccess', 'networkRuleSet', 'policies'],
])
const MODES: Readonly<Record<string, Mode>> = {
  abacrepositorypermissions: 'abac',
  'rbac-abac': 'abac',
  legacyregistrypermissions: 'rbac',
  rbac: 'rbac',
}

/**
 * The registries that a file shows, from `az acr show` or `az acr list`; undefined for a file of anything else.
 *
 * @throws {@link ImportError} for a registry whose settings are not understood, with the place
 */
export function readShownRegistries({ path, text }: PolicyText): readonly ShownRegistry[] | undefined {
  const document = FileDocument.read(path, text, new Report())
  const root = new Entry(document, [], document.value)
  const items = Array.isArray(root.value) ? root.children() : [root]
  const entries = items.map((item) => item.fold(KEYS, true))
  const isRegistry = ({ value }: Entry) =>
    isMapping(value) &&
    (isType(value.type) || (value.loginServer !== undefined && value.adminUserEnabled !== undefined))
  return entries.length > 0 && entries.every(isRegistry) ? entries.map(registryOf) : undefined
}

const isType = (type: unknown): boolean =>
  typeof type === 'string' && type.toLowerCase() === 'microsoft.containerregistry/registries'

function registryOf(entry: Entry): ShownRegistry {
  const refuse = (key: string, message: string): never => {
    throw new ImportError(`${formatSource(entry.at(key))}: ${message}`, 'export it again with az acr show')
  }
  const text = (key: string): string | undefined => {
    const { value } = entry.child(key)
    if (value === undefined || typeof value === 'string') return value
    return refuse(key, `${key} is not text`)
  }
  const flag = (key: string): boolean => {
    const { value } = entry.child(key)
    if (value === undefined || typeof value === 'boolean') return value === true
    return refuse(key, `${key} is not true or false`)
  }
  const loginServer = text('loginServer')?.toLowerCase()
  if (loginServer === undefined || loginServer === '') return refuse('loginServer', 'the registry has no loginServer')
  const written = text('roleAssignmentMode')
  const mode = written === undefined ? undefined : MODES[written.toLowerCase()]
  if (written !== undefined && mode === undefined) refuse('roleAssignmentMode', `unknown mode "${written}"`)
  const inside = (...path: readonly string[]): unknown =>
    path.reduce<unknown>((value, step) => (isMapping(value) ? value[step] : undefined), entry.value)
  const is = (value: unknown, word: string) => typeof value === 'string' && value.toLowerCase() === word
  return {
    name: (text('name') ?? loginServer.split('.')[0] ?? '').toLowerCase(),
    loginServer,
    mode,
    hasAnonymousPull: flag('anonymousPullEnabled'),
    hasAdminUser: flag('adminUserEnabled'),
    barriers: [
      ...(is(inside('publicNetworkAccess'), 'disabled') ? ['publicNetworkAccess is disabled'] : []),
      ...(is(inside('networkRuleSet', 'defaultAction'), 'deny') ? ['networkRuleSet denies other addresses'] : []),
      ...(is(inside('policies', 'quarantinePolicy', 'status'), 'enabled') ? ['quarantinePolicy is enabled'] : []),
    ],
    source: entry.source,
  }
}
