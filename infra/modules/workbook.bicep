metadata name = 'Workbook'
metadata description = 'The workbook of the fleet, put together from the parts in infra/workbook and the queries in infra/queries.'

// ============== //
//   Parameters   //
// ============== //

@description('Required. Names the workbook among others of the workspace; its real name is made from it.')
@minLength(1)
param name string

@description('Optional. What people see as its name.')
param displayName string = 'PAT rotation'

@description('Optional. Where the workbook is kept.')
param location string = resourceGroup().location

@description('Optional. Tags of the resource.')
param tags object = {}

@description('Required. Resource id of the Log Analytics workspace that it looks at.')
param workspaceId string

// ============== //
//   Variables    //
// ============== //

var chooseTime = loadJsonContent('../workbook/time.json')
var chooseSecret = loadJsonContent('../workbook/secret.json')

// From top to bottom, as it is read.
var items = [
  text('heading', loadTextContent('../workbook/heading.md'))
  links([
    {
      id: 'a3c5f5a2-70c4-4f1c-9b0e-6d0f5c0be001'
      cellValue: '${environment().portal}/#view/Microsoft_Azure_Monitoring/AzureMonitoringBrowseBlade/~/alertsV2'
      linkTarget: 'Url'
      linkLabel: 'Alerts that are open'
      style: 'link'
    }
    {
      id: 'a3c5f5a2-70c4-4f1c-9b0e-6d0f5c0be002'
      cellValue: '${environment().portal}/#@/resource${workspaceId}/logs'
      linkTarget: 'Url'
      linkLabel: 'The log itself'
      style: 'link'
    }
  ])
  part(loadJsonContent('../workbook/last-scan.json'), loadTextContent('../queries/last-scan.kql'), workspaceId)
  part(loadJsonContent('../workbook/fleet-states.json'), loadTextContent('../queries/fleet-states.kql'), workspaceId)
  part(loadJsonContent('../workbook/fleet.json'), loadTextContent('../queries/fleet.kql'), workspaceId)
  part(loadJsonContent('../workbook/owners.json'), loadTextContent('../queries/owners.kql'), workspaceId)
  text('trouble', loadTextContent('../workbook/trouble.md'))
  part(loadJsonContent('../workbook/sign-in-needed.json'), loadTextContent('../queries/sign-in-needed.kql'), workspaceId)
  part(loadJsonContent('../workbook/sign-in-soon.json'), loadTextContent('../queries/sign-in-soon.kql'), workspaceId)
  part(loadJsonContent('../workbook/watched-soon.json'), loadTextContent('../queries/watched-soon.kql'), workspaceId)
  part(loadJsonContent('../workbook/watched-lost.json'), loadTextContent('../queries/watched-lost.kql'), workspaceId)
  part(loadJsonContent('../workbook/secret-stuck.json'), loadTextContent('../queries/secret-stuck.kql'), workspaceId)
  part(loadJsonContent('../workbook/vault-unread.json'), loadTextContent('../queries/vault-unread.kql'), workspaceId)
  part(loadJsonContent('../workbook/proof-failed-twice.json'), loadTextContent('../queries/proof-failed-twice.kql'), workspaceId)
  part(loadJsonContent('../workbook/poison-queue.json'), loadTextContent('../queries/poison-queue.kql'), workspaceId)
  text('past', loadTextContent('../workbook/past.md'))
  choice(chooseTime.name, chooseTime.parameter, workspaceId)
  part(loadJsonContent('../workbook/events-by-hour.json'), loadTextContent('../queries/events-by-hour.kql'), workspaceId)
  part(loadJsonContent('../workbook/rotations-by-day.json'), loadTextContent('../queries/rotations-by-day.kql'), workspaceId)
  part(loadJsonContent('../workbook/failures.json'), loadTextContent('../queries/failures.kql'), workspaceId)
  part(loadJsonContent('../workbook/events.json'), loadTextContent('../queries/events.kql'), workspaceId)
  text('history', loadTextContent('../workbook/history.md'))
  choice(chooseSecret.name, union(chooseSecret.parameter, ofWorkspace(loadTextContent('../queries/secrets.kql'), workspaceId)), workspaceId)
  part(
    loadJsonContent('../workbook/secret-history.json'),
    replace(loadTextContent('../queries/secret-history.kql'), '"kv-build/feed-token"', '"{Secret}"'),
    workspaceId
  )
  text('readers', loadTextContent('../workbook/readers.md'))
  part(loadJsonContent('../workbook/vault-readers.json'), loadTextContent('../queries/vault-readers.kql'), workspaceId)
]

// ============== //
//   Resources    //
// ============== //

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(workspaceId, name)
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: displayName
    description: 'How the personal access tokens in the watched vaults stand, and what happened.'
    category: 'workbook'
    sourceId: workspaceId
    version: 'Notebook/1.0'
    serializedData: string({
      version: 'Notebook/1.0'
      items: items
      fallbackResourceIds: [workspaceId]
      '$schema': 'https://github.com/Microsoft/Application-Insights-Workbooks/blob/master/schema/workbook.json'
    })
  }
}

// ============== //
//    Outputs     //
// ============== //

@description('Resource id of the workbook.')
output workbookId string = workbook.id

// ============== //
//  Definitions   //
// ============== //

@description('Words in Markdown.')
func text(name string, words string) object => {
  type: 1
  name: name
  content: {
    json: words
  }
}

@description('A line of links.')
func links(to array) object => {
  type: 11
  name: 'links'
  content: {
    version: 'LinkItem/1.0'
    style: 'list'
    links: to
  }
}

@description('Where a query runs: in the workspace, wherever the workbook is opened.')
func ofWorkspace(query string, workspaceId string) object => {
  query: query
  queryType: 0
  resourceType: 'microsoft.operationalinsights/workspaces'
  crossComponentResources: [workspaceId]
}

@description('A query, and how what it gives is shown: a file of infra/workbook.')
func part(shown object, query string, workspaceId string) object => {
  type: 3
  name: shown.name
  customWidth: shown.?width ?? '100'
  content: union({ version: 'KqlItem/1.0' }, ofWorkspace(query, workspaceId), shown.content)
}

@description('Something to choose, which the parts below go by.')
func choice(name string, parameter object, workspaceId string) object => {
  type: 9
  name: name
  content: {
    version: 'KqlParameterItem/1.0'
    crossComponentResources: [workspaceId]
    parameters: [parameter]
    style: 'pills'
    queryType: 0
    resourceType: 'microsoft.operationalinsights/workspaces'
  }
}
