metadata name = 'Settings'
metadata description = 'What the function app is told: its app settings, and who may open its pages.'

// ============== //
//   Parameters   //
// ============== //

@description('Required. The name of the function app.')
param appName string

@description('Required. The name of the storage account.')
param storageName string

@description('Required. The name of the Application Insights component.')
param componentName string

@description('Required. The client id of the identity.')
param identityClientId string

@description('Required. The client id of the app registration; empty until there is one, and then nobody gets in.')
param registrationClientId string

@description('Required. The Entra authority.')
param authority string

@description('Required. The settings of the rotator.')
param rotation object

// ============== //
//   Variables    //
// ============== //

// The name is the platform's own: with it, the identity stands in for a client secret.
var assertionSetting = 'OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID'
var isRegistered = !empty(registrationClientId)

// ============== //
//   Resources    //
// ============== //

resource storage 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: storageName
}

resource component 'Microsoft.Insights/components@2020-02-02' existing = {
  name: componentName
}

resource app 'Microsoft.Web/sites@2025-03-01' existing = {
  name: appName
}

resource appSettings 'Microsoft.Web/sites/config@2025-03-01' = {
  // checkov:skip=CKV_AZURE_13,CKV_AZURE_63,CKV_AZURE_65,CKV_AZURE_66,CKV_AZURE_80,CKV_AZURE_88,CKV_AZURE_222: these are about the configuration "web", which this is not
  parent: app
  name: 'appsettings'
  properties: union(rotation, {
    AZURE_CLIENT_ID: identityClientId
    ROTATION_CLIENT_ID: registrationClientId
    ROTATION_STORAGE__queueServiceUri: storage.properties.primaryEndpoints.queue
    ROTATION_STORAGE__tableServiceUri: storage.properties.primaryEndpoints.table
    ROTATION_STORAGE__credential: 'managedidentity'
    ROTATION_STORAGE__clientId: identityClientId
    AzureWebJobsStorage__blobServiceUri: storage.properties.primaryEndpoints.blob
    AzureWebJobsStorage__queueServiceUri: storage.properties.primaryEndpoints.queue
    AzureWebJobsStorage__tableServiceUri: storage.properties.primaryEndpoints.table
    AzureWebJobsStorage__credential: 'managedidentity'
    AzureWebJobsStorage__clientId: identityClientId
    APPLICATIONINSIGHTS_CONNECTION_STRING: component.properties.ConnectionString
    APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
    '${assertionSetting}': identityClientId
    WEBSITE_AUTH_AAD_ALLOWED_TENANTS: tenant().tenantId
  })
}

resource authentication 'Microsoft.Web/sites/config@2025-03-01' = {
  // checkov:skip=CKV_AZURE_13,CKV_AZURE_63,CKV_AZURE_65,CKV_AZURE_66,CKV_AZURE_80,CKV_AZURE_88,CKV_AZURE_222: these are about the configuration "web", which this is not
  parent: app
  name: 'authsettingsV2'
  properties: {
    platform: {
      enabled: true
    }
    globalValidation: {
      requireAuthentication: true
      unauthenticatedClientAction: isRegistered ? 'RedirectToLoginPage' : 'Return403'
      redirectToProvider: isRegistered ? 'azureactivedirectory' : null
      // A probe has no session, and the browser brings none along when Entra makes it post its answer.
      excludedPaths: [
        '/health'
        '/sign-in/callback'
      ]
    }
    httpSettings: {
      requireHttps: true
    }
    identityProviders: isRegistered
      ? {
          azureActiveDirectory: {
            enabled: true
            registration: {
              clientId: registrationClientId
              clientSecretSettingName: assertionSetting
              openIdIssuer: uri(authority, '${tenant().tenantId}/v2.0')
            }
            validation: {
              allowedAudiences: [
                registrationClientId
              ]
            }
          }
        }
      : {}
    login: {
      // Nobody needs the tokens of whoever looks at a page.
      tokenStore: {
        enabled: false
      }
    }
  }
  dependsOn: [
    appSettings
  ]
}
