metadata name = 'Roles'
metadata description = 'All rights inside the installation, by name. Those on the watched vaults, which are somebody else\'s, are in watched.bicep. docs/roles.md says why each is needed, and what breaks without it.'

// ============== //
//   Parameters   //
// ============== //

@description('Required. The object id of the managed identity.')
param identityPrincipalId string

@description('Required. The object id of the group of the operators; empty if nobody gives orders.')
param operatorsGroupId string

@description('Required. The name of the session vault.')
param sessionVaultName string

@description('Required. The name of the storage account.')
param storageName string

@description('Required. The name of the Application Insights component.')
param componentName string

@description('Required. The queue of the orders.')
param requestQueueName string

@description('Required. The tables of the journal.')
param journalTableNames string[]

@description('Required. What makes the names of the custom roles different from those of another installation in the tenant.')
param suffix string

// ============== //
//   Variables    //
// ============== //

var builtInRoleNames = {
  'Monitoring Metrics Publisher': subscriptionResourceId(
    'Microsoft.Authorization/roleDefinitions',
    '3913510d-42f4-4e42-8a64-420c390055eb'
  )
  'Storage Blob Data Owner': subscriptionResourceId(
    'Microsoft.Authorization/roleDefinitions',
    'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
  )
  'Storage Queue Data Contributor': subscriptionResourceId(
    'Microsoft.Authorization/roleDefinitions',
    '974c5e8b-45b9-4653-ba55-5f855dd0fb88'
  )
  'Storage Queue Data Message Sender': subscriptionResourceId(
    'Microsoft.Authorization/roleDefinitions',
    'c6a89b2d-59bc-44d0-9896-0f6e12d7b80a'
  )
  'Storage Table Data Contributor': subscriptionResourceId(
    'Microsoft.Authorization/roleDefinitions',
    '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'
  )
  'Storage Table Data Reader': subscriptionResourceId(
    'Microsoft.Authorization/roleDefinitions',
    '76199698-9eea-4c19-bc75-cec21354c6b6'
  )
}
var hasOperators = !empty(operatorsGroupId)

// ============== //
//   Resources    //
// ============== //

resource sessionVault 'Microsoft.KeyVault/vaults@2025-05-01' existing = {
  name: sessionVaultName
}

resource storage 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: storageName
}

resource queueService 'Microsoft.Storage/storageAccounts/queueServices@2025-06-01' existing = {
  parent: storage
  name: 'default'
}

resource requestQueue 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-06-01' existing = {
  parent: queueService
  name: requestQueueName
}

resource tableService 'Microsoft.Storage/storageAccounts/tableServices@2025-06-01' existing = {
  parent: storage
  name: 'default'
}

resource journalTables 'Microsoft.Storage/storageAccounts/tableServices/tables@2025-06-01' existing = [
  for tableName in journalTableNames: {
    parent: tableService
    name: tableName
  }
]

resource component 'Microsoft.Insights/components@2020-02-02' existing = {
  name: componentName
}

// --- The session vault -----------------------------------------------------

// More than "get" and "set": a save switches the older sessions off (update), which it has to find first
// (readMetadata), and the sign-in of somebody whose session was ended brings the secret back (recover).
// Ending one is for people. Purge, backup and restore are for nobody.
resource sessionRole 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(resourceGroup().id, 'PAT rotation: sessions')
  properties: {
    roleName: 'PAT rotation: sessions (${suffix})'
    description: 'Keeps the sessions of the owners: reads them, saves them, and switches older ones off.'
    type: 'CustomRole'
    assignableScopes: [
      resourceGroup().id
    ]
    permissions: [
      {
        actions: []
        notActions: []
        dataActions: [
          'Microsoft.KeyVault/vaults/secrets/readMetadata/action'
          'Microsoft.KeyVault/vaults/secrets/getSecret/action'
          'Microsoft.KeyVault/vaults/secrets/setSecret/action'
          'Microsoft.KeyVault/vaults/secrets/update/action'
          'Microsoft.KeyVault/vaults/secrets/recover/action'
        ]
        notDataActions: []
      }
    ]
  }
}

resource identityKeepsSessions 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(sessionVault.id, identityPrincipalId, sessionRole.name)
  scope: sessionVault
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', sessionRole.name)
    principalId: identityPrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource sessionEndRole 'Microsoft.Authorization/roleDefinitions@2022-04-01' = if (hasOperators) {
  name: guid(resourceGroup().id, 'PAT rotation: session ends')
  properties: {
    roleName: 'PAT rotation: session ends (${suffix})'
    description: 'Sees when owners have signed in, and ends sessions; reads none.'
    type: 'CustomRole'
    assignableScopes: [
      resourceGroup().id
    ]
    permissions: [
      {
        actions: []
        notActions: []
        dataActions: [
          'Microsoft.KeyVault/vaults/secrets/readMetadata/action'
          'Microsoft.KeyVault/vaults/secrets/update/action'
          'Microsoft.KeyVault/vaults/secrets/delete'
        ]
        notDataActions: []
      }
    ]
  }
}

resource operatorsEndSessions 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (hasOperators) {
  name: guid(sessionVault.id, operatorsGroupId, sessionEndRole.name)
  scope: sessionVault
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', sessionEndRole.name)
    principalId: operatorsGroupId
    principalType: 'Group'
  }
}

// --- The storage account ---------------------------------------------------

resource identityOwnsBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(storage.id, identityPrincipalId, builtInRoleNames['Storage Blob Data Owner'])
  scope: storage
  properties: {
    roleDefinitionId: builtInRoleNames['Storage Blob Data Owner']
    principalId: identityPrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource identityWritesQueues 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(storage.id, identityPrincipalId, builtInRoleNames['Storage Queue Data Contributor'])
  scope: storage
  properties: {
    roleDefinitionId: builtInRoleNames['Storage Queue Data Contributor']
    principalId: identityPrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource identityWritesTables 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(storage.id, identityPrincipalId, builtInRoleNames['Storage Table Data Contributor'])
  scope: storage
  properties: {
    roleDefinitionId: builtInRoleNames['Storage Table Data Contributor']
    principalId: identityPrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource operatorsGiveOrders 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (hasOperators) {
  name: guid(requestQueue.id, operatorsGroupId, builtInRoleNames['Storage Queue Data Message Sender'])
  scope: requestQueue
  properties: {
    roleDefinitionId: builtInRoleNames['Storage Queue Data Message Sender']
    principalId: operatorsGroupId
    principalType: 'Group'
  }
}

resource operatorsReadJournal 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (tableName, index) in journalTableNames: if (hasOperators) {
    name: guid(journalTables[index].id, operatorsGroupId, builtInRoleNames['Storage Table Data Reader'])
    scope: journalTables[index]
    properties: {
      roleDefinitionId: builtInRoleNames['Storage Table Data Reader']
      principalId: operatorsGroupId
      principalType: 'Group'
    }
  }
]

// --- The log ---------------------------------------------------------------

resource identityWritesLog 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(component.id, identityPrincipalId, builtInRoleNames['Monitoring Metrics Publisher'])
  scope: component
  properties: {
    roleDefinitionId: builtInRoleNames['Monitoring Metrics Publisher']
    principalId: identityPrincipalId
    principalType: 'ServicePrincipal'
  }
}
