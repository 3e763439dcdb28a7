metadata name = 'Session vault'
metadata description = 'The vault of the owners\' sessions, apart from the watched ones, and the record of who reads it.'

// ============== //
//   Parameters   //
// ============== //

@description('Required. The name of the vault.')
param name string

@description('Required. The region.')
param location string

@description('Required. The tags.')
param tags object

@description('Required. Whether the vault is reached from outside the virtual network: Enabled or Disabled.')
param publicNetworkAccess string

@description('Required. What a vault of this name that was deleted before means: default or recover.')
param createMode string

@description('Required. The workspace that the log of all reads and writes goes to.')
param workspaceId string

@description('Required. Whether the vault is locked against deletion.')
param isLocked bool

// ============== //
//   Resources    //
// ============== //

resource vault 'Microsoft.KeyVault/vaults@2025-05-01' = {
  // checkov:skip=CKV_AZURE_109,CKV_AZURE_189: a parameter of main.bicep; without a network of one's own, the app has no other way to it
  name: name
  location: location
  tags: tags
  properties: {
    createMode: createMode
    enablePurgeProtection: true
    enableRbacAuthorization: true
    enableSoftDelete: true
    enabledForDeployment: false
    enabledForDiskEncryption: false
    enabledForTemplateDeployment: false
    networkAcls: {
      bypass: 'None'
      defaultAction: publicNetworkAccess == 'Enabled' ? 'Allow' : 'Deny'
    }
    publicNetworkAccess: publicNetworkAccess
    sku: {
      family: 'A'
      name: 'standard'
    }
    softDeleteRetentionInDays: 90
    tenantId: tenant().tenantId
  }
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'pat-rotation'
  scope: vault
  properties: {
    workspaceId: workspaceId
    // A table of its own, AZKVAuditLogs, with a column for each fact.
    logAnalyticsDestinationType: 'Dedicated'
    logs: [
      {
        category: 'AuditEvent'
        enabled: true
      }
    ]
  }
}

// Without the sessions every owner has to sign in again. Whoever means to delete them takes the lock off first.
#disable-next-line BCP081 // not every index of types has the locks
resource lock 'Microsoft.Authorization/locks@2020-05-01' = if (isLocked) {
  name: 'keep-the-sessions'
  scope: vault
  properties: {
    level: 'CanNotDelete'
    notes: 'The sessions of the owners are here. Without them nothing is renewed until every owner has signed in again.'
  }
}

// ============== //
//   Outputs      //
// ============== //

@description('The resource id of the vault.')
output id string = vault.id

@description('The name of the vault.')
output name string = vault.name
