/**
 * The built-in role definitions of Azure that speak of container registries, as data. Never interprets them.
 *
 * Source: Azure "built-in-roles/containers", "built-in-roles/privileged" and "built-in-roles/security".
 */
import type { RoleDefinition } from '../model.ts'

/** The registry resource type: most actions below start with it. */
const R = 'Microsoft.ContainerRegistry/registries'

const under = (prefix: string, ...verbs: readonly string[]) => verbs.map((verb) => `${prefix}/${verb}`)
const registry = (...verbs: readonly string[]) => under(R, ...verbs)
/** A sub-resource that is created asynchronously. */
const managed = (resource: string, ...more: readonly string[]) =>
  under(`${R}/${resource}`, 'read', 'write', 'delete', ...more, 'operationStatuses/read')
const observed = (resource: string) => under(`${R}/${resource}`, 'read', 'operationStatuses/read')

const REPOSITORY_READ = registry('repositories/metadata/read', 'repositories/content/read')
const REPOSITORY_WRITE = registry('repositories/metadata/write', 'repositories/content/write')
const REPOSITORY_DELETE = registry('repositories/metadata/delete', 'repositories/content/delete')

const DIAGNOSTICS = under(
  `${R}/providers/Microsoft.Insights`,
  'diagnosticSettings/read',
  'diagnosticSettings/write',
  'logDefinitions/read',
  'metricDefinitions/read',
)
const ALERT_RULES = under(
  'Microsoft.Insights/AlertRules',
  'Write',
  'Delete',
  'Read',
  'Activated/Action',
  'Resolved/Action',
  'Throttled/Action',
  'Incidents/Read',
)

const role = (
  name: string,
  id: string,
  permission: { actions?: readonly string[]; notActions?: readonly string[]; dataActions?: readonly string[] },
): RoleDefinition => ({
  name,
  id,
  builtIn: true,
  permissions: [{ actions: [], notActions: [], dataActions: [], notDataActions: [], ...permission }],
})

/** The built-in roles of Azure Container Registry, with their GUIDs. */
export const BUILT_IN_ROLES: readonly RoleDefinition[] = [
  role('Owner', '8e3af657-a8ff-443c-a75c-2fe8c4bcb635', { actions: ['*'] }),
  role('Contributor', 'b24988ac-6180-42a0-ab88-20f7382dd24c', {
    actions: ['*'],
    notActions: [
      'Microsoft.Authorization/*/Delete',
      'Microsoft.Authorization/*/Write',
      'Microsoft.Authorization/elevateAccess/Action',
      'Microsoft.Blueprint/blueprintAssignments/write',
      'Microsoft.Blueprint/blueprintAssignments/delete',
      'Microsoft.Compute/galleries/share/action',
      'Microsoft.Purview/consents/write',
      'Microsoft.Purview/consents/delete',
      'Microsoft.Resources/deploymentStacks/manageDenySetting/action',
      'Microsoft.Subscription/cancel/action',
      'Microsoft.Subscription/enable/action',
    ],
  }),
  role('Reader', 'acdd72a7-3385-48ef-bd42-f606fba81ae7', { actions: ['*/read'] }),
  role('AcrPull', '7f951dda-4ed3-4680-a7ca-43fe172d538d', { actions: registry('pull/read') }),
  role('AcrPush', '8311e382-0749-4cb8-b61a-304f252e45ec', { actions: registry('pull/read', 'push/write') }),
  role('AcrDelete', 'c2f4ef07-c644-48eb-af81-4b1b4947fb11', { actions: registry('artifacts/delete') }),
  role('AcrImageSigner', '6cef56e8-d556-48e5-a04f-b8e64114680f', {
    actions: registry('sign/write'),
    dataActions: registry('trustedCollections/write'),
  }),
  role('AcrQuarantineReader', 'cdda3590-29a3-44f6-95f2-9f980659eb04', {
    actions: registry('quarantine/read'),
    dataActions: registry('quarantinedArtifacts/read'),
  }),
  role('AcrQuarantineWriter', 'c8d4ff99-41c3-41a8-9f60-21dfdad59608', {
    actions: registry('quarantine/read', 'quarantine/write'),
    dataActions: registry('quarantinedArtifacts/read', 'quarantinedArtifacts/write'),
  }),
  role('Container Registry Repository Reader', 'b93aa761-3e63-49ed-ac28-beffa264f7ac', {
    dataActions: REPOSITORY_READ,
  }),
  role('Container Registry Repository Writer', '2a1e307c-b015-4ebd-883e-5b7698a07328', {
    dataActions: [...REPOSITORY_READ, ...REPOSITORY_WRITE],
  }),
  role('Container Registry Repository Contributor', '2efddaa5-3f1f-4df3-97df-af3f13818f4c', {
    dataActions: [...REPOSITORY_READ, ...REPOSITORY_WRITE, ...REPOSITORY_DELETE],
  }),
  role('Container Registry Repository Catalog Lister', 'bfdb9389-c9a5-478a-bb2f-ba9ca092c3c7', {
    dataActions: registry('catalog/read'),
  }),
  role('Container Registry Data Importer and Data Reader', '577a9874-89fd-4f24-9dbd-b5034d0ad23a', {
    actions: registry('importImage/action', 'read', 'pull/read'),
    dataActions: registry('repositories/content/read', 'repositories/metadata/read', 'catalog/read'),
  }),
  role(
    'Container Registry Contributor and Data Access Configuration Administrator',
    '3bc748fc-213d-45c1-8d91-9da5725539b9',
    {
      actions: [
        'Microsoft.Resources/subscriptions/resourceGroups/read',
        'Microsoft.Resources/deployments/*',
        'Microsoft.Authorization/*/read',
        ...registry(
          'operationStatuses/read',
          'read',
          'write',
          'delete',
          'listCredentials/action',
          'regenerateCredential/action',
          'generateCredentials/action',
        ),
        ...managed('replications'),
        ...registry('privateEndpointConnectionsApproval/action'),
        ...managed('privateEndpointConnections'),
        ...managed('tokens'),
        ...managed('scopeMaps'),
        ...under(`${R}/connectedRegistries`, 'read', 'write', 'delete', 'deactivate/action'),
        ...managed('webhooks', 'getCallbackConfig/action', 'ping/action', 'listEvents/action'),
        ...DIAGNOSTICS,
        ...ALERT_RULES,
        'Microsoft.ContainerRegistry/locations/operationResults/read',
        ...under(
          'Microsoft.Network/virtualNetworks',
          'read',
          'subnets/read',
          'subnets/write',
          'subnets/joinViaServiceEndpoint/action',
        ),
        'Microsoft.Network/privateEndpoints/privateLinkServiceProxies/write',
      ],
    },
  ),
  role(
    'Container Registry Configuration Reader and Data Access Configuration Reader',
    '69b07be0-09bf-439a-b9a6-e73de851bd59',
    {
      actions: [
        ...registry('operationStatuses/read', 'read', 'listCredentials/action'),
        ...observed('privateEndpointConnections'),
        ...observed('tokens'),
        ...observed('scopeMaps'),
        ...under(`${R}/webhooks`, 'read', 'getCallbackConfig/action', 'listEvents/action', 'operationStatuses/read'),
        ...observed('replications'),
        ...registry('connectedRegistries/read'),
        ...DIAGNOSTICS,
        ...ALERT_RULES,
      ],
    },
  ),
  role('Container Registry Tasks Contributor', 'fb382eab-e894-4461-af04-94435c366c3f', {
    actions: [
      ...managed('agentpools', 'listQueueStatus/action', 'operationResults/status/read'),
      ...under(`${R}/tasks`, 'read', 'write', 'delete', 'listDetails/action'),
      ...registry('scheduleRun/action', 'listBuildSourceUploadUrl/action'),
      ...under(`${R}/runs`, 'read', 'write', 'listLogSasUrl/action', 'cancel/action'),
      ...managed('taskruns', 'listDetails/action'),
      'Microsoft.Resources/deployments/*',
      'Microsoft.Resources/subscriptions/resourceGroups/read',
      ...registry('read'),
    ],
  }),
  role('Container Registry Transfer Pipeline Contributor', 'bf94e731-3a51-4a7c-8c54-a1ab9971dfc1', {
    actions: [
      ...under(`${R}/exportPipelines`, 'read', 'write', 'delete'),
      ...under(`${R}/importPipelines`, 'read', 'write', 'delete'),
      ...managed('pipelineRuns'),
    ],
  }),
  role('Container Registry Cache Rule Administrator', 'df87f177-bb12-4db1-9793-a413691eff94', {
    actions: managed('cacheRules'),
  }),
  role('Container Registry Cache Rule Reader', 'c357b964-0002-4b64-a50d-7a28f02edc52', {
    actions: observed('cacheRules'),
  }),
  role('Container Registry Credential Set Administrator', 'f094fb07-0703-4400-ad6a-e16dd8000e14', {
    actions: managed('credentialSets'),
  }),
  role('Container Registry Credential Set Reader', '29093635-9924-4f2c-913b-650a12949526', {
    actions: observed('credentialSets'),
  }),
  role('Role Based Access Control Administrator', 'f58310d9-a9f6-439a-9e8d-f62e7b41a168', {
    actions: [
      'Microsoft.Authorization/roleAssignments/write',
      'Microsoft.Authorization/roleAssignments/delete',
      '*/read',
      'Microsoft.Support/*',
    ],
  }),
  role('User Access Administrator', '18d7d88d-d35e-4fb5-a5c3-7773c20a72d9', {
    actions: ['*/read', 'Microsoft.Authorization/*', 'Microsoft.Support/*'],
  }),
  role('Defender Registry Access', '96062cf7-95ca-4f89-9b9d-2a2aa47356af', {
    actions: registry('pull/read', 'push/write', 'artifacts/delete'),
    dataActions: [...REPOSITORY_READ, ...REPOSITORY_WRITE, ...REPOSITORY_DELETE],
  }),
]
