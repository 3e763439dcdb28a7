extension microsoftGraphV1

targetScope = 'subscription'

metadata name = 'Registration'
metadata description = 'The app registration through which owners sign in. It has no secret and no certificate: the identity of the rotator is its credential.'

// ============== //
//   Parameters   //
// ============== //

@description('Required. The unique name of the registration: what makes it the same one at the next deployment.')
param uniqueName string

@description('Required. The name that people see when they sign in.')
param displayName string

@description('Required. The object id of the managed identity.')
param identityPrincipalId string

@description('Required. The host names under which the pages are reached.')
param hostNames string[]

@description('Required. Whether consent is given here for everybody, as an administrator. Somebody must: where assignment is required, Entra lets nobody consent for themselves.')
param consents bool

@description('Required. The object ids of the people and groups who may sign in: the owners, and whoever looks at the pages.')
param assignedPrincipalIds string[]

// ============== //
//   Variables    //
// ============== //

// The ids of Microsoft's own applications are the same in every tenant; those of their permissions are looked up.
var azureDevOpsAppId = '499b84ac-1321-427f-aa17-267ca6975798'
var graphAppId = '00000003-0000-0000-c000-000000000000'
var azureDevOpsPermissions = [
  'vso.pats'
  'vso.pats_manage'
]
var graphPermissions = [
  'email'
  'offline_access'
  'openid'
  'profile'
]
// "Default access": what an assignment without a role of its own says.
var defaultAppRoleId = '00000000-0000-0000-0000-000000000000'

// ============== //
//   Resources    //
// ============== //

resource azureDevOps 'Microsoft.Graph/servicePrincipals@v1.0' existing = {
  appId: azureDevOpsAppId
}

resource graph 'Microsoft.Graph/servicePrincipals@v1.0' existing = {
  appId: graphAppId
}

resource application 'Microsoft.Graph/applications@v1.0' = {
  uniqueName: uniqueName
  displayName: displayName
  signInAudience: 'AzureADMyOrg'
  web: {
    redirectUris: flatten(map(hostNames, hostName => [
      'https://${hostName}/sign-in/callback'
      'https://${hostName}/.auth/login/aad/callback'
    ]))
    implicitGrantSettings: {
      // Built-in authentication asks for an id token together with its code.
      enableIdTokenIssuance: true
      enableAccessTokenIssuance: false
    }
  }
  requiredResourceAccess: [
    {
      resourceAppId: azureDevOpsAppId
      resourceAccess: map(
        filter(azureDevOps.oauth2PermissionScopes, scope => contains(azureDevOpsPermissions, scope.value)),
        scope => {
          id: scope.id
          type: 'Scope'
        }
      )
    }
    {
      resourceAppId: graphAppId
      resourceAccess: map(
        filter(graph.oauth2PermissionScopes, scope => contains(graphPermissions, scope.value)),
        scope => {
          id: scope.id
          type: 'Scope'
        }
      )
    }
  ]
}

resource credential 'Microsoft.Graph/applications/federatedIdentityCredentials@v1.0' = {
  name: '${application.uniqueName}/rotator'
  description: 'The managed identity of the rotator'
  issuer: uri(environment().authentication.loginEndpoint, '${tenant().tenantId}/v2.0')
  subject: identityPrincipalId
  audiences: [
    'api://AzureADTokenExchange'
  ]
}

resource servicePrincipal 'Microsoft.Graph/servicePrincipals@v1.0' = {
  appId: application.appId
  // Nobody signs in who was not assigned.
  appRoleAssignmentRequired: true
}

resource assignments 'Microsoft.Graph/appRoleAssignedTo@v1.0' = [
  for principalId in assignedPrincipalIds: {
    appRoleId: defaultAppRoleId
    principalId: principalId
    resourceId: servicePrincipal.id
  }
]

resource azureDevOpsConsent 'Microsoft.Graph/oauth2PermissionGrants@v1.0' = if (consents) {
  clientId: servicePrincipal.id
  consentType: 'AllPrincipals'
  resourceId: azureDevOps.id
  scope: join(azureDevOpsPermissions, ' ')
}

resource graphConsent 'Microsoft.Graph/oauth2PermissionGrants@v1.0' = if (consents) {
  clientId: servicePrincipal.id
  consentType: 'AllPrincipals'
  resourceId: graph.id
  scope: join(graphPermissions, ' ')
}

// ============== //
//   Outputs      //
// ============== //

@description('The client id of the registration.')
output clientId string = application.appId
