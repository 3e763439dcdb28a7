targetScope = 'subscription'

metadata name = 'PAT rotation'
metadata description = 'The whole service in one resource group: `azd up`, or `az deployment sub create`. What it adds to the watched vaults is in watched.bicep.'

// ============== //
//   Parameters   //
// ============== //

@description('Required. The name of the environment. It makes this installation another one than the next, and is part of the resource group\'s name.')
@minLength(1)
@maxLength(64)
param environmentName string

@description('Required. The region. It must have Flex Consumption: `az functionapp list-flexconsumption-locations`.')
@minLength(1)
@metadata({
  azd: {
    type: 'location'
  }
})
param location string

@description('Required. The resource ids of the vaults to watch. Nothing of them is changed here; watched.bicep gives the rights on them.')
@minLength(1)
param watchedVaultIds string[]

@description('Conditional. The user principal names of the owners who sign in. Required unless there are agent owners.')
param owners string[] = []

@description('Optional. Owners that are agent users, each as `upn=<agent identity id>` (experimental).')
param agentOwners string[] = []

@description('Conditional. The blueprint of the agent identities. Required with agent owners.')
param blueprintId string = ''

// --- The app registration ---

@description('Optional. Whether the app registration is made here. It takes the right to register applications, and the public cloud. If not, an administrator deploys registration.bicep once, and `registrationClientId` says what came of it.')
param registersApplication bool = true

@description('Conditional. The client id of an app registration that is there. Required if it is not made here; until it is given, nobody gets in, and nothing is rotated.')
param registrationClientId string = ''

@description('Optional. Whether the consent for everybody is given here, which takes an administrator. If not, an administrator gives it in the portal.')
param consents bool = true

@description('Optional. The object ids of the people and groups who may sign in: the owners, and whoever looks at the pages. Entra lets nobody else in.')
param assignedPrincipalIds string[] = []

@description('Optional. The object id of the group of the operators: they give orders, follow them, and end sessions, and read no value.')
param operatorsGroupId string = ''

// --- How the rotator works ---

@description('Optional. When a scan begins: NCRONTAB, six fields, in UTC.')
param schedule string = '0 7 * * * *'

@description('Optional. How long a new token lives, in days.')
@minValue(1)
@maxValue(364)
param lifetimeDays int = 30

@description('Optional. The ceiling for that, and for the tag, in days.')
@minValue(1)
@maxValue(364)
param maxLifetimeDays int = 90

@description('Optional. How long a previous token lives on, in hours.')
@minValue(1)
@maxValue(8736)
param graceHours int = 48

@description('Optional. From how many days before its expiry a token that is not renewed is an alert.')
@minValue(1)
@maxValue(364)
param alertDays int = 3

@description('Optional. How many secrets one process settles at once.')
@minValue(1)
@maxValue(64)
param concurrency int = 8

@description('Optional. Who settles what a scan finds due: the run itself, or as many workers as it takes.')
@allowed([
  'inline'
  'queue'
])
param fanOut string = 'inline'

@description('Optional. How long the journal keeps events, in days.')
@minValue(1)
@maxValue(3650)
param journalDays int = 400

// --- Where and on what it runs ---

@description('Optional. The version of Python.')
@allowed([
  '3.11'
  '3.12'
  '3.13'
])
param pythonVersion string = '3.13'

@description('Optional. The memory of one instance, in MB.')
@allowed([
  512
  2048
  4096
])
param instanceMemoryMB int = 2048

@description('Optional. How many instances there may be at once.')
@minValue(1)
@maxValue(1000)
param maximumInstanceCount int = 40

@description('Optional. How many copies of the storage account\'s data there are, and where.')
@allowed([
  'Standard_LRS'
  'Standard_ZRS'
  'Standard_GRS'
  'Standard_GZRS'
])
param storageSku string = 'Standard_LRS'

@description('Optional. A host name of your own for the pages, such as `pats.contoso.example`. The binding and its certificate are made by hand; this tells the rotator and the registration.')
param customDomain string = ''

@description('Optional. The Entra authority. In the cloud of China it is not what the platform says: give `https://` and `login.partner.microsoftonline.cn`.')
param authority string = environment().authentication.loginEndpoint

@description('Optional. The tags of all resources.')
param tags object = {}

// --- The network ---

@description('Optional. Whether the session vault and the storage account are reached from outside the virtual network. Without that there must be `privateNetworking`.')
@allowed([
  'Enabled'
  'Disabled'
])
param publicNetworkAccess string = 'Enabled'

@description('Optional. Whether the pages are reached from outside. Without that, owners sign in through a private endpoint that your network team makes, and `azd deploy` works only from where that endpoint is reached.')
@allowed([
  'Enabled'
  'Disabled'
])
param functionPublicNetworkAccess string = 'Enabled'

@description('Optional. Whether the function app runs in a virtual network, with private endpoints for the session vault and the storage account.')
param privateNetworking bool = false

@description('Optional. With `privateNetworking`: whether the watched vaults get private endpoints there, too.')
param privateWatchedVaults bool = false

@description('Optional. With `privateNetworking`: the addresses of the virtual network; 128 of them at least.')
param addressPrefix string = '10.84.0.0/24'

// --- What it leaves to read, and who is told ---

@description('Optional. How many days the log is kept.')
@allowed([
  30
  60
  90
  120
  180
  270
  365
  550
  730
])
param logRetentionDays int = 90

@description('Optional. The e-mail addresses that alerts go to.')
param alertEmails string[] = []

@description('Optional. The https addresses that alerts are posted to, in the common alert schema. They may carry a secret.')
@secure()
param alertWebhooks object = {}

@description('Optional. From where on alerts speak; what is left out has its default. The keys are those of modules/alerts.bicep, such as `silentHours` and `signInDays`.')
param alertThresholds object = {}

@description('Optional. The names of alerts that are made, but switched off, such as `no-scan` where something else than the function app makes the runs.')
param disabledAlerts string[] = []

@description('Optional. Where people read what to do about an alert: the address of docs/operations.md.')
param operationsUrl string = ''

// --- Whether it can be lost ---

@description('Optional. Whether the session vault and the storage account are locked against deletion. `false` takes no lock off that is there.')
param deletionLocks bool = true

@description('Optional. `recover` brings a session vault back that was deleted less than 90 days ago, with its sessions: what a second installation after `azd down` needs.')
@allowed([
  'default'
  'recover'
])
param sessionVaultCreateMode string = 'default'

// ============== //
//   Variables    //
// ============== //

var token = uniqueString(subscription().id, environmentName, location)
var slug = join(
  map(
    range(0, length(environmentName)),
    index => contains(nameLetters, toLower(substring(environmentName, index, 1))) ? substring(environmentName, index, 1) : '-'
  ),
  ''
)
var nameLetters = 'abcdefghijklmnopqrstuvwxyz0123456789-_'
var names = {
  resourceGroup: 'rg-${slug}-${token}'
  identity: 'id-rotation-${token}'
  workspace: 'log-rotation-${token}'
  component: 'appi-rotation-${token}'
  storage: 'strotation${token}'
  sessionVault: 'kv-sess-${token}'
  plan: 'plan-rotation-${token}'
  // The host takes its id from the first 32 characters: no two apps may begin alike.
  function: 'func-rotation-${token}'
  network: 'vnet-rotation-${token}'
  alerts: 'rotation-${token}'
}
var allTags = union(tags, {
  'azd-env-name': environmentName
})
var packageContainerName = 'app-package'
var requestQueueName = 'rotation-requests'
var journalTableNames = [
  'RotationEvents'
  'RotationTimeline'
]
var watchedVaultNames = map(watchedVaultIds, id => last(split(id, '/')))
var registrationName = 'pat-rotation-${token}'
var clientId = registersApplication ? registration!.outputs.clientId : registrationClientId
var publicHostName = empty(customDomain) ? function.outputs.hostName : customDomain

var storageEndpoints = map(
  [
    'blob'
    'queue'
    'table'
  ],
  service => {
    name: service
    resourceId: storage.outputs.id
    groupId: service
    zoneName: 'privatelink.${service}.${environment().suffixes.storage}'
  }
)
var vaultZoneName = 'privatelink${replace(environment().suffixes.keyvaultDns, '.vault.', '.vaultcore.')}'
var sessionVaultEndpoints = [
  {
    name: 'sessions'
    resourceId: sessionVault.outputs.id
    groupId: 'vault'
    zoneName: vaultZoneName
  }
]
var watchedVaultEndpoints = map(privateWatchedVaults ? watchedVaultIds : [], id => {
  name: last(split(id, '/'))
  resourceId: id
  groupId: 'vault'
  zoneName: vaultZoneName
})

// ============== //
//   Resources    //
// ============== //

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: names.resourceGroup
  location: location
  tags: allTags
}

module identity 'modules/identity.bicep' = {
  name: 'identity'
  scope: group
  params: {
    name: names.identity
    location: location
    tags: allTags
  }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: {
    workspaceName: names.workspace
    componentName: names.component
    location: location
    tags: allTags
    retentionDays: logRetentionDays
  }
}

module storage 'modules/storage.bicep' = {
  name: 'storage'
  scope: group
  params: {
    name: names.storage
    location: location
    tags: allTags
    sku: storageSku
    publicNetworkAccess: publicNetworkAccess
    packageContainerName: packageContainerName
    queueNames: [
      requestQueueName
    ]
    tableNames: journalTableNames
    workspaceId: monitoring.outputs.workspaceId
    isLocked: deletionLocks
  }
}

module sessionVault 'modules/vault.bicep' = {
  name: 'sessionVault'
  scope: group
  params: {
    name: names.sessionVault
    location: location
    tags: allTags
    publicNetworkAccess: publicNetworkAccess
    createMode: sessionVaultCreateMode
    workspaceId: monitoring.outputs.workspaceId
    isLocked: deletionLocks
  }
}

module network 'modules/network.bicep' = if (privateNetworking) {
  name: 'network'
  scope: group
  params: {
    name: names.network
    location: location
    tags: allTags
    addressPrefix: addressPrefix
    endpoints: concat(storageEndpoints, sessionVaultEndpoints, watchedVaultEndpoints)
  }
}

module roles 'modules/roles.bicep' = {
  name: 'roles'
  scope: group
  params: {
    identityPrincipalId: identity.outputs.principalId
    operatorsGroupId: operatorsGroupId
    sessionVaultName: sessionVault.outputs.name
    storageName: storage.outputs.name
    componentName: monitoring.outputs.componentName
    requestQueueName: requestQueueName
    journalTableNames: journalTableNames
    suffix: token
  }
}

module function 'modules/function.bicep' = {
  name: 'function'
  scope: group
  params: {
    name: names.function
    planName: names.plan
    location: location
    tags: allTags
    serviceName: 'rotator'
    identityId: identity.outputs.id
    storageName: storage.outputs.name
    packageContainerName: packageContainerName
    pythonVersion: pythonVersion
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    publicNetworkAccess: functionPublicNetworkAccess
    subnetId: privateNetworking ? network!.outputs.functionSubnetId : ''
  }
}

module registration 'modules/registration.bicep' = if (registersApplication) {
  name: 'registration-${token}'
  params: {
    uniqueName: registrationName
    displayName: 'PAT rotation (${environmentName})'
    identityPrincipalId: identity.outputs.principalId
    hostNames: union(
      [
        function.outputs.hostName
      ],
      [
        publicHostName
      ]
    )
    consents: consents
    assignedPrincipalIds: assignedPrincipalIds
  }
}

module settings 'modules/settings.bicep' = {
  name: 'settings'
  scope: group
  params: {
    appName: function.outputs.name
    storageName: storage.outputs.name
    componentName: monitoring.outputs.componentName
    identityClientId: identity.outputs.clientId
    registrationClientId: clientId
    authority: authority
    rotation: {
      ROTATION_VAULTS: join(watchedVaultNames, ',')
      ROTATION_SESSION_VAULT: sessionVault.outputs.name
      ROTATION_TENANT_ID: tenant().tenantId
      ROTATION_AUTHORITY: authority
      ROTATION_OWNERS: join(owners, ',')
      ROTATION_AGENT_OWNERS: join(agentOwners, ',')
      ROTATION_BLUEPRINT_ID: blueprintId
      ROTATION_PUBLIC_URL: 'https://${publicHostName}'
      ROTATION_SCHEDULE: schedule
      ROTATION_LIFETIME_DAYS: string(lifetimeDays)
      ROTATION_MAX_LIFETIME_DAYS: string(maxLifetimeDays)
      ROTATION_GRACE_HOURS: string(graceHours)
      ROTATION_ALERT_DAYS: string(alertDays)
      ROTATION_CONCURRENCY: string(concurrency)
      ROTATION_FAN_OUT: fanOut
      // Each instance takes its share of what a vault allows, so that all together stay below it.
      ROTATION_INSTANCES: fanOut == 'queue' ? string(maximumInstanceCount) : '1'
      ROTATION_JOURNAL_DAYS: string(journalDays)
    }
  }
}

module alerts 'modules/alerts.bicep' = {
  name: 'alerts'
  scope: group
  params: {
    name: names.alerts
    location: location
    tags: allTags
    workspaceId: monitoring.outputs.workspaceId
    emails: alertEmails
    webhooks: alertWebhooks
    rotatorPrincipalId: identity.outputs.principalId
    sessionVaultId: sessionVault.outputs.id
    docsUrl: operationsUrl
    thresholds: alertThresholds
    disabled: disabledAlerts
  }
}

module workbook 'modules/workbook.bicep' = {
  name: 'workbook'
  scope: group
  params: {
    name: guid(group.id, 'workbook')
    displayName: 'PAT rotation (${environmentName})'
    location: location
    tags: allTags
    workspaceId: monitoring.outputs.workspaceId
  }
}

// ============== //
//   Outputs      //
// ============== //

@description('The resource group; azd deletes it, and no other.')
output AZURE_RESOURCE_GROUP string = group.name

@description('The tenant.')
output AZURE_TENANT_ID string = tenant().tenantId

@description('The function app; azd deploys the service `rotator` there.')
output SERVICE_ROTATOR_NAME string = function.outputs.name

@description('For registration.bicep: the host name that the platform gave to the app.')
output AZURE_FUNCTION_HOST_NAME string = function.outputs.hostName

@description('For registration.bicep: the unique name of the app registration, whoever makes it.')
output AZURE_REGISTRATION_NAME string = registrationName

@description('For registration.bicep and watched.bicep: the object id of the managed identity.')
output AZURE_IDENTITY_PRINCIPAL_ID string = identity.outputs.principalId

@description('For watched.bicep: the workspace.')
output AZURE_WORKSPACE_ID string = monitoring.outputs.workspaceId

// What follows is for the commands on an operator's machine: their settings, but for the identity, which is the operator's own.

@description('The tenant.')
output ROTATION_TENANT_ID string = tenant().tenantId

@description('The Entra authority.')
output ROTATION_AUTHORITY string = authority

@description('The client id of the app registration; empty until there is one.')
output ROTATION_CLIENT_ID string = clientId

@description('The watched vaults.')
output ROTATION_VAULTS string = join(watchedVaultNames, ',')

@description('The session vault.')
output ROTATION_SESSION_VAULT string = sessionVault.outputs.name

@description('The owners who sign in.')
output ROTATION_OWNERS string = join(owners, ',')

@description('The owners that are agent users.')
output ROTATION_AGENT_OWNERS string = join(agentOwners, ',')

@description('The blueprint of the agent identities.')
output ROTATION_BLUEPRINT_ID string = blueprintId

@description('Where owners sign in.')
output ROTATION_PUBLIC_URL string = 'https://${publicHostName}'

@description('Where the orders go.')
output ROTATION_STORAGE__queueServiceUri string = storage.outputs.queueUri

@description('Where the journal is.')
output ROTATION_STORAGE__tableServiceUri string = storage.outputs.tableUri
