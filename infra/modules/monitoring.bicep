metadata name = 'Monitoring'
metadata description = 'The log: a workspace, and Application Insights on it. Whoever writes or reads needs a role; there are no keys.'

// ============== //
//   Parameters   //
// ============== //

@description('Required. The name of the Log Analytics workspace.')
param workspaceName string

@description('Required. The name of the Application Insights component.')
param componentName string

@description('Required. The region.')
param location string

@description('Required. The tags.')
param tags object

@description('Required. How many days the log is kept.')
param retentionDays int

// ============== //
//   Resources    //
// ============== //

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-07-01' = {
  name: workspaceName
  location: location
  tags: tags
  properties: {
    sku: {
      name: 'PerGB2018'
    }
    retentionInDays: retentionDays
    features: {
      disableLocalAuth: true
      enableLogAccessUsingOnlyResourcePermissions: true
    }
  }
}

resource component 'Microsoft.Insights/components@2020-02-02' = {
  name: componentName
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspace.id
    DisableLocalAuth: true
    RetentionInDays: retentionDays
  }
}

// ============== //
//   Outputs      //
// ============== //

@description('The resource id of the workspace.')
output workspaceId string = workspace.id

@description('The name of the Application Insights component.')
output componentName string = component.name
