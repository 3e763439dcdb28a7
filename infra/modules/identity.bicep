metadata name = 'Identity'
metadata description = 'The one identity of the rotator. It reaches the vaults and the storage account, and is the credential of the app registration; nothing else may use it.'

// ============== //
//   Parameters   //
// ============== //

@description('Required. The name of the managed identity.')
param name string

@description('Required. The region.')
param location string

@description('Required. The tags.')
param tags object

// ============== //
//   Resources    //
// ============== //

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: name
  location: location
  tags: tags
}

// ============== //
//   Outputs      //
// ============== //

@description('The resource id of the identity.')
output id string = identity.id

@description('The client id of the identity: what code asks for.')
output clientId string = identity.properties.clientId

@description('The object id of the identity: what rights are given to.')
output principalId string = identity.properties.principalId
