targetScope = 'subscription'

metadata name = 'Registration, by an administrator'
metadata description = 'For an administrator, once, where whoever deploys main.bicep may not register applications. It makes the registration alone; deploy it with the outputs of main.bicep, and give main.bicep what comes out.'

// ============== //
//   Parameters   //
// ============== //

@description('Required. The name of the environment, as in main.bicep.')
@minLength(1)
@maxLength(64)
param environmentName string

@description('Required. The unique name of the registration: the output `AZURE_REGISTRATION_NAME` of main.bicep.')
@minLength(1)
param uniqueName string

@description('Required. The object id of the managed identity: the output `AZURE_IDENTITY_PRINCIPAL_ID` of main.bicep.')
@minLength(36)
param identityPrincipalId string

@description('Required. The host names under which the pages are reached: the output `AZURE_FUNCTION_HOST_NAME` of main.bicep, and your own, if there is one.')
@minLength(1)
param hostNames string[]

@description('Optional. Whether the consent for everybody is given here.')
param consents bool = true

@description('Optional. The object ids of the people and groups who may sign in: the owners, and whoever looks at the pages. Entra lets nobody else in.')
param assignedPrincipalIds string[] = []

// ============== //
//   Resources    //
// ============== //

module registration 'modules/registration.bicep' = {
  name: 'registration-${uniqueString(uniqueName)}'
  params: {
    uniqueName: uniqueName
    displayName: 'PAT rotation (${environmentName})'
    identityPrincipalId: identityPrincipalId
    hostNames: hostNames
    consents: consents
    assignedPrincipalIds: assignedPrincipalIds
  }
}

// ============== //
//   Outputs      //
// ============== //

@description('For main.bicep: the parameter `registrationClientId`.')
output clientId string = registration.outputs.clientId
