targetScope = 'subscription'

metadata name = 'Watched vaults'
metadata description = 'The rights on the watched vaults, and the record of who reads them. It is a deployment of its own, because `azd down` deletes every resource group that its own deployment has put anything into, and these groups are somebody else\'s.'

// ============== //
//   Parameters   //
// ============== //

@description('Required. The resource ids of the watched vaults. They exist, use Azure RBAC, and may be in other resource groups and subscriptions of the tenant.')
@minLength(1)
param watchedVaultIds string[]

@description('Required. The object id of the rotator\'s managed identity: the output `AZURE_IDENTITY_PRINCIPAL_ID` of main.bicep.')
@minLength(36)
param identityPrincipalId string

@description('Optional. The object id of the group of the operators. They see names, tags and versions in the watched vaults, and no value.')
param operatorsGroupId string = ''

@description('Optional. Confine the rotator to the secrets whose names begin so, in small letters, such as `pat-`: it sees the names of all, and reads and writes no other. Empty: it may read and write every secret of these vaults. (Conditions on Key Vault roles are a preview.)')
@maxLength(127)
param namePrefix string = ''

@description('Optional. The resource id of the workspace that the log of all reads and writes of these vaults goes to: the output `AZURE_WORKSPACE_ID` of main.bicep. Empty: their logs are left as they are.')
param workspaceId string = ''

// ============== //
//   Variables    //
// ============== //

var builtInRoleNames = {
  'Key Vault Reader': '21090545-7ca7-4776-b22c-e363652d74d2'
}
var vaults = map(watchedVaultIds, id => {
  name: split(id, '/')[8]
  resourceGroupName: split(id, '/')[4]
  subscriptionId: split(id, '/')[2]
})
var vaultSubscriptionIds = map(vaults, vault => '/subscriptions/${vault.subscriptionId}')
var suffix = uniqueString(subscription().id, identityPrincipalId)

// To list is to see all names, so `readMetadata` is free: a condition on it would refuse the list as a whole.
// What is written may not be there yet: its name is in the request.
var prefixCondition = '((!(ActionMatches{\'Microsoft.KeyVault/vaults/secrets/getSecret/action\'}) AND !(ActionMatches{\'Microsoft.KeyVault/vaults/secrets/update/action\'})) OR (@Resource[Microsoft.KeyVault/vaults/secrets:name] StringStartsWith \'${namePrefix}\')) AND ((!(ActionMatches{\'Microsoft.KeyVault/vaults/secrets/setSecret/action\'})) OR (@Request[Microsoft.KeyVault/vaults/secrets:name] StringStartsWith \'${namePrefix}\'))'

var identityRights = [
  {
    roleName: watchedSecretsRole.name
    principalId: identityPrincipalId
    principalType: 'ServicePrincipal'
    condition: empty(namePrefix) ? '' : prefixCondition
  }
]
var operatorRights = empty(operatorsGroupId)
  ? []
  : [
      {
        roleName: builtInRoleNames['Key Vault Reader']
        principalId: operatorsGroupId
        principalType: 'Group'
        condition: ''
      }
    ]

// ============== //
//   Resources    //
// ============== //

// Neither delete nor purge, recover, backup or restore: the rotator ends no secret.
resource watchedSecretsRole 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(subscription().id, identityPrincipalId, 'PAT rotation: watched secrets')
  properties: {
    roleName: 'PAT rotation: watched secrets (${suffix})'
    description: 'Keeps the tokens in a vault fresh: lists secrets, reads them, and writes new versions.'
    type: 'CustomRole'
    assignableScopes: union(
      [
        subscription().id
      ],
      vaultSubscriptionIds
    )
    permissions: [
      {
        actions: []
        notActions: []
        dataActions: [
          'Microsoft.KeyVault/vaults/secrets/readMetadata/action'
          'Microsoft.KeyVault/vaults/secrets/getSecret/action'
          'Microsoft.KeyVault/vaults/secrets/setSecret/action'
          'Microsoft.KeyVault/vaults/secrets/update/action'
        ]
        notDataActions: []
      }
    ]
  }
}

module watchedVaults 'modules/watchedVault.bicep' = [
  for vault in vaults: {
    name: 'watched-${uniqueString(identityPrincipalId, vault.name)}'
    scope: resourceGroup(vault.subscriptionId, vault.resourceGroupName)
    params: {
      vaultName: vault.name
      rights: concat(identityRights, operatorRights)
      workspaceId: workspaceId
    }
  }
]

// ============== //
//   Outputs      //
// ============== //

@description('The vaults that the rotator may now work in.')
output watchedVaultNames string[] = map(vaults, vault => vault.name)
