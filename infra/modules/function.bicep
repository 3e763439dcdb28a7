metadata name = 'Function'
metadata description = 'The function app on Flex Consumption, without its settings: those need the app registration, which needs this app\'s host name.'

// ============== //
//   Parameters   //
// ============== //

@description('Required. The name of the function app.')
param name string

@description('Required. The name of its plan.')
param planName string

@description('Required. The region.')
param location string

@description('Required. The tags.')
param tags object

@description('Required. The name of the service in azure.yaml, by which azd finds the app.')
param serviceName string

@description('Required. The resource id of the identity.')
param identityId string

@description('Required. The name of the storage account.')
param storageName string

@description('Required. The container of the deployed package.')
param packageContainerName string

@description('Required. The version of Python.')
param pythonVersion string

@description('Required. The memory of one instance, in MB.')
param instanceMemoryMB int

@description('Required. How many instances there may be at once.')
param maximumInstanceCount int

@description('Required. Whether the app\'s pages are reached from outside the virtual network: Enabled or Disabled.')
param publicNetworkAccess string

@description('Required. The subnet that the app runs in; empty without a virtual network.')
param subnetId string

// ============== //
//   Resources    //
// ============== //

resource storage 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: storageName
}

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  // checkov:skip=CKV_AZURE_225: a run that is cut short does no harm, and not every region has zones
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
  }
}

resource app 'Microsoft.Web/sites@2025-03-01' = {
  // checkov:skip=CKV_AZURE_17: owners sign in with a browser, and Entra says who they are
  // checkov:skip=CKV_AZURE_78: Flex Consumption has no FTP, and publishing by password is off
  // checkov:skip=CKV_AZURE_212: instances come and go with the work; nobody waits for one
  // checkov:skip=CKV_AZURE_213: Flex Consumption has no health checks; an alert tells of missing scans
  // checkov:skip=CKV_AZURE_222: a parameter of main.bicep; owners open the sign-in page from where they are
  name: name
  location: location
  tags: union(tags, {
    'azd-service-name': serviceName
  })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    publicNetworkAccess: publicNetworkAccess
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    siteConfig: {
      http20Enabled: true
      minTlsVersion: '1.2'
    }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${storage.properties.primaryEndpoints.blob}${packageContainerName}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      runtime: {
        name: 'python'
        version: pythonVersion
      }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstanceCount
      }
    }
  }

  // Packages are published by Entra identities alone, never by a password.
  resource publishing 'basicPublishingCredentialsPolicies' = {
    name: 'scm'
    properties: {
      allow: false
    }
  }
}

// ============== //
//   Outputs      //
// ============== //

@description('The name of the function app.')
output name string = app.name

@description('The host name that the platform gave to the app.')
output hostName string = app.properties.defaultHostName
