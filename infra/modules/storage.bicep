metadata name = 'Storage'
metadata description = 'The storage account: the journal, the locks, the requests, the host\'s own state and the deployed package. No key opens it.'

// ============== //
//   Parameters   //
// ============== //

@description('Required. The name of the storage account.')
param name string

@description('Required. The region.')
param location string

@description('Required. The tags.')
param tags object

@description('Required. How many copies of the data there are, and where.')
param sku string

@description('Required. Whether the account is reached from outside the virtual network: Enabled or Disabled.')
param publicNetworkAccess string

@description('Required. The container of the deployed package.')
param packageContainerName string

@description('Required. The queues.')
param queueNames string[]

@description('Required. The tables.')
param tableNames string[]

@description('Required. The workspace that the log of the orders goes to.')
param workspaceId string

@description('Required. Whether the account is locked against deletion.')
param isLocked bool

// ============== //
//   Resources    //
// ============== //

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' = {
  // checkov:skip=CKV_AZURE_35,CKV_AZURE_59: a parameter of main.bicep; without a network of one's own, the app has no other way to it, and no key opens it
  // checkov:skip=CKV_AZURE_36: no service of Microsoft's needs a way past the rules
  // checkov:skip=CKV_AZURE_206: a parameter of main.bicep; the log has every event, too, and not every region has more
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: {
    name: sku
  }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    isLocalUserEnabled: false
    minimumTlsVersion: 'TLS1_2'
    networkAcls: {
      bypass: 'None'
      defaultAction: publicNetworkAccess == 'Enabled' ? 'Allow' : 'Deny'
    }
    publicNetworkAccess: publicNetworkAccess
    supportsHttpsTrafficOnly: true
  }
}

resource blobService 'Microsoft.Storage/storageAccounts/blobServices@2025-06-01' = {
  parent: account
  name: 'default'
}

resource packageContainer 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' = {
  parent: blobService
  name: packageContainerName
  properties: {
    publicAccess: 'None'
  }
}

resource queueService 'Microsoft.Storage/storageAccounts/queueServices@2025-06-01' = {
  parent: account
  name: 'default'
}

resource queues 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-06-01' = [
  for queueName in queueNames: {
    parent: queueService
    name: queueName
  }
]

resource tableService 'Microsoft.Storage/storageAccounts/tableServices@2025-06-01' = {
  parent: account
  name: 'default'
}

resource tables 'Microsoft.Storage/storageAccounts/tableServices/tables@2025-06-01' = [
  for tableName in tableNames: {
    parent: tableService
    name: tableName
  }
]

// Who gives orders is worth knowing. Reads are left out: the trigger looks every few seconds.
resource queueDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'orders'
  scope: queueService
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'StorageWrite'
        enabled: true
      }
    ]
  }
}

// The journal is here. Whoever means to delete it takes the lock off first.
#disable-next-line BCP081 // not every index of types has the locks
resource lock 'Microsoft.Authorization/locks@2020-05-01' = if (isLocked) {
  name: 'keep-the-journal'
  scope: account
  properties: {
    level: 'CanNotDelete'
    notes: 'The journal of all rotations is here, and it is in no other place as a whole.'
  }
}

// ============== //
//   Outputs      //
// ============== //

@description('The resource id of the account.')
output id string = account.id

@description('The name of the account.')
output name string = account.name

@description('Where its queues are.')
output queueUri string = account.properties.primaryEndpoints.queue

@description('Where its tables are.')
output tableUri string = account.properties.primaryEndpoints.table
