metadata name = 'Watched vault'
metadata description = 'What is added to one vault of somebody else\'s: rights, and the record of who reads it. The vault itself stays as it is.'

// ============== //
//   Parameters   //
// ============== //

@description('Required. The name of the vault.')
param vaultName string

@description('Required. The rights, as watched.bicep says them.')
param rights array

@description('Required. The workspace that the log of all reads and writes goes to; empty if none is kept.')
param workspaceId string

// ============== //
//   Resources    //
// ============== //

resource vault 'Microsoft.KeyVault/vaults@2025-05-01' existing = {
  name: vaultName
}

resource assignments 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for right in rights: {
    name: guid(vault.id, right.principalId, right.roleName)
    scope: vault
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', right.roleName)
      principalId: right.principalId
      principalType: right.principalType
      condition: empty(right.condition) ? null : right.condition
      conditionVersion: empty(right.condition) ? null : '2.0'
    }
  }
]

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = if (!empty(workspaceId)) {
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
