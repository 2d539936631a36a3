/**
 * Built-in roles of Azure's other services, as lists with inherited assignments hold them. They give no right in a
 * container registry. A role that is missing here is known by its definition, if the export has it.
 *
 * Source: Azure "built-in-roles".
 */
export const ROLES_OF_OTHER_SERVICES: ReadonlyMap<string, string> = new Map([
  ['0ab0b1a8-8aac-4efd-b8c2-3ee1fb270be8', 'Azure Kubernetes Service Cluster Admin Role'],
  ['4abbcc35-e782-43d8-92c5-2d3f1bd2253f', 'Azure Kubernetes Service Cluster User Role'],
  ['ed7f3fbd-7b88-4dd4-9017-9adb7ce333f8', 'Azure Kubernetes Service Contributor Role'],
  ['5e467623-bb1f-42f4-a55d-6e525e11384b', 'Backup Contributor'],
  ['fa23ad8b-c56e-40d8-ac0c-ce449e1d2c64', 'Billing Reader'],
  ['5e0bd9bd-7b93-4f28-af87-19fc36ad61bd', 'Cognitive Services OpenAI User'],
  ['72fafb9e-0641-4937-9268-a91bfd8191a3', 'Cost Management Reader'],
  ['00482a5a-887f-4fb3-b363-3b7fe8e74483', 'Key Vault Administrator'],
  ['f25e0fa2-a7c8-4377-a976-54943a77a395', 'Key Vault Contributor'],
  ['14b46e9e-c2b7-41b4-b07b-48a6ebf60603', 'Key Vault Crypto Officer'],
  ['21090545-7ca7-4776-b22c-e363652d74d2', 'Key Vault Reader'],
  ['b86a8fe4-44ce-4948-aee5-eccb2c155cd7', 'Key Vault Secrets Officer'],
  ['4633458b-17de-408a-b874-0445c86b69e6', 'Key Vault Secrets User'],
  ['92aaf0da-9dab-42b6-94a3-d43ce8d16293', 'Log Analytics Contributor'],
  ['73c42c96-874c-492b-b04d-ab87d138a893', 'Log Analytics Reader'],
  ['e40ec5ca-96e0-45a2-b4ff-59039f2c2b59', 'Managed Identity Contributor'],
  ['f1a07417-d97a-45cb-824c-7a7467783830', 'Managed Identity Operator'],
  ['749f88d5-cbae-40b8-bcfc-e573ddc772fa', 'Monitoring Contributor'],
  ['43d0d8ad-25c7-4714-9337-8ba259a9fe05', 'Monitoring Reader'],
  ['4d97b98b-1d4f-4787-a291-c67834d212e7', 'Network Contributor'],
  ['36243c78-bf99-498c-9df9-86d9f8d28608', 'Resource Policy Contributor'],
  ['fb1c8493-542b-48eb-b624-b4c8fea62acd', 'Security Admin'],
  ['39bc4728-0917-49c7-9d2c-d95423bc2eb4', 'Security Reader'],
  ['17d1049b-9a84-46fb-8f53-869881c3d3ab', 'Storage Account Contributor'],
  ['ba92f5b4-2d11-453d-a403-e96b0029c9fe', 'Storage Blob Data Contributor'],
  ['b7e6dc6d-f1e8-4753-8033-0f276bb0955b', 'Storage Blob Data Owner'],
  ['2a2b9908-6ea1-4ae2-8e65-a410df84e7d1', 'Storage Blob Data Reader'],
  ['974c5e8b-45b9-4653-ba55-5f855dd0fb88', 'Storage Queue Data Contributor'],
  ['4a9ae827-6dc8-4573-8ac7-8239d42aa03f', 'Tag Contributor'],
  ['1c0163c0-47e6-4577-8991-ea5c82e286e4', 'Virtual Machine Administrator Login'],
  ['9980e02c-c2be-4d73-94e8-173b1dc7cf3c', 'Virtual Machine Contributor'],
  ['fb879df8-f326-4884-b1cf-06f3ad86be52', 'Virtual Machine User Login'],
  ['de139f84-1756-47ae-9be6-808fbbe84772', 'Website Contributor'],
])
