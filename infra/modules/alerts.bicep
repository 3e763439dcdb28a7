metadata name = 'Alerts'
metadata description = 'Who is told when the fleet needs somebody: an action group, and one rule for each alert of docs/alerts.md.'

// ============== //
//   Parameters   //
// ============== //

@description('Required. What the names of the resources begin with.')
@minLength(1)
@maxLength(80)
param name string

@description('Optional. Where the rules are kept: the region of the workspace.')
param location string = resourceGroup().location

@description('Optional. Tags of the resources.')
param tags object = {}

@description('Required. Resource id of the Log Analytics workspace that all rules look at; so they outlive the app.')
param workspaceId string

@description('Optional. Addresses that get an e-mail for each alert.')
param emails string[] = []

@description('Optional. Https addresses that are called for each alert, with the common alert schema, by a name of your choice. An address may carry a secret.')
@secure()
param webhooks webhooksType = {}

@description('Required. Object id of the rotator\'s managed identity: the only reader of the session vault that is expected.')
param rotatorPrincipalId string

@description('Required. Resource id of the session vault.')
param sessionVaultId string

@description('Optional. Where people reach docs/operations.md: each alert links into it. Without, it names the section.')
param docsUrl string = ''

@description('Optional. From where on the rules speak.')
param thresholds thresholdsType = {}

@description('Optional. How severe the two kinds of alerts are called.')
param severities severitiesType = {}

@description('Optional. Names of the alerts that are made, but switched off.')
param disabled string[] = []

// ============== //
//   Variables    //
// ============== //

var silentHours = thresholds.?silentHours ?? 3
var signInDays = thresholds.?signInDays ?? 14
var watchedDays = thresholds.?watchedDays ?? 14
var stuckHours = thresholds.?stuckHours ?? 24
var failedRuns = thresholds.?failedRuns ?? 2
var failedProofs = thresholds.?failedProofs ?? 2
var evaluationMinutes = thresholds.?evaluationMinutes ?? 15

var urgent = severities.?urgent ?? 1
var routine = severities.?routine ?? 3

var ofSecrets = ['Vault', 'Secret', 'Owner']

// `window` is how far back its query looks: Azure Monitor shows a rule nothing older, and two days at
// most. `manual` is the heading in docs/operations.md.
var rules = [
  {
    name: 'secret-expiring'
    title: 'A secret expires and is not renewed'
    severity: urgent
    window: 'P2D'
    query: loadTextContent('../queries/secret-expiring.kql')
    dimensions: ofSecrets
    todo: 'See who acts next, and let them act before the token ends.'
    manual: 'a-secret-expires-and-is-not-renewed'
  }
  {
    name: 'secret-expired'
    title: 'A secret has expired'
    severity: urgent
    window: 'P2D'
    query: loadTextContent('../queries/secret-expired.kql')
    dimensions: ofSecrets
    todo: 'Whoever reads the secret fails now: see who acts next, and have them act at once.'
    manual: 'a-secret-has-expired'
  }
  {
    name: 'watched-soon'
    title: 'A watched secret expires soon'
    severity: routine
    window: 'P2D'
    query: replace(
      loadTextContent('../queries/watched-soon.kql'),
      'let soon = 14d;',
      'let soon = ${watchedDays}d;'
    )
    dimensions: ofSecrets
    todo: 'Have its keeper make the next value, and store it with its expiry.'
    manual: 'a-watched-secret-expires-soon'
  }
  {
    name: 'watched-lost'
    title: 'A watched secret is watched no more'
    severity: routine
    window: 'P2D'
    query: loadTextContent('../queries/watched-lost.kql')
    dimensions: ofSecrets
    todo: 'If the tag was left out with a new value, set it again.'
    manual: 'a-watched-secret-is-watched-no-more'
  }
  {
    name: 'secret-stuck'
    title: 'A secret cannot be looked after'
    severity: routine
    window: 'P2D'
    query: replace(
      loadTextContent('../queries/secret-stuck.kql'),
      'let stuckSince = ago(24h);',
      'let stuckSince = ago(${stuckHours}h);'
    )
    dimensions: ofSecrets
    todo: 'Read the reason, and have its keeper or an administrator mend it.'
    manual: 'a-secret-cannot-be-looked-after'
  }
  {
    name: 'vault-unread'
    title: 'A vault cannot be read'
    severity: routine
    window: 'P2D'
    query: loadTextContent('../queries/vault-unread.kql')
    dimensions: ['Vault']
    todo: 'Give the rotator its rights on the vault again, or open the way to it.'
    manual: 'a-vault-cannot-be-read'
  }
  {
    name: 'run-failed-twice'
    title: 'Runs fail'
    severity: routine
    window: 'P2D'
    query: replace(
      loadTextContent('../queries/run-failed-twice.kql'),
      'let runs = 2;',
      'let runs = ${failedRuns};'
    )
    dimensions: []
    todo: 'Look at the last run: its events name what failed, and why.'
    manual: 'runs-fail'
  }
  {
    name: 'no-scan'
    title: 'No scan is completed'
    severity: urgent
    window: 'P2D'
    query: replace(
      loadTextContent('../queries/no-scan.kql'),
      'let silentSince = ago(3h);',
      'let silentSince = ago(${silentHours}h);'
    )
    dimensions: []
    todo: 'See whether the function app runs; rotation run does by hand what it should do.'
    manual: 'no-scan-is-completed'
  }
  {
    name: 'sign-in-needed'
    title: 'An owner must sign in now'
    severity: urgent
    window: 'P2D'
    query: loadTextContent('../queries/sign-in-needed.kql')
    dimensions: ['Owner']
    todo: 'Run rotation connect OWNER, and send the owner there.'
    manual: 'an-owner-must-sign-in-now'
  }
  {
    name: 'sign-in-soon'
    title: 'An owner must sign in soon'
    severity: routine
    window: 'P2D'
    query: replace(
      loadTextContent('../queries/sign-in-soon.kql'),
      'let soon = 14d;',
      'let soon = ${signInDays}d;'
    )
    dimensions: ['Owner']
    todo: 'Send the owner the address that rotation connect OWNER shows.'
    manual: 'an-owner-must-sign-in-soon'
  }
  {
    name: 'token-lost'
    title: 'A token died before its date'
    severity: routine
    window: 'PT2H'
    query: loadTextContent('../queries/token-lost.kql')
    dimensions: ofSecrets
    todo: 'It is replaced already: find out who revoked it, and why.'
    manual: 'a-token-died-before-its-date'
  }
  {
    name: 'proof-failed-twice'
    title: 'A stored value does not work'
    severity: urgent
    window: 'P2D'
    query: replace(
      loadTextContent('../queries/proof-failed-twice.kql'),
      'let times = 2;',
      'let times = ${failedProofs};'
    )
    dimensions: ofSecrets
    todo: 'Whoever reads the secret fails: see whether it is replaced by now, and who stored that value.'
    manual: 'a-stored-value-does-not-work'
  }
  {
    name: 'poison-queue'
    title: 'Messages wait as poison'
    severity: routine
    window: 'P2D'
    query: loadTextContent('../queries/poison-queue.kql')
    dimensions: []
    todo: 'Read them, mend the cause, order again what is still wanted, and delete them.'
    manual: 'messages-wait-as-poison'
  }
  {
    name: 'unexpected-reader'
    title: 'Somebody else reads the session vault'
    severity: urgent
    window: 'PT2H'
    query: replace(
      replace(
        loadTextContent('../queries/unexpected-reader.kql'),
        'let sessionVault = "SESSION-VAULT";',
        'let sessionVault = "${sessionVaultId}";'
      ),
      'let rotator = "ROTATOR";',
      'let rotator = "${rotatorPrincipalId}";'
    )
    dimensions: ['Reader']
    todo: 'If it was none of you, end every session, and take the right away.'
    manual: 'somebody-else-reads-the-session-vault'
  }
]

var manuals = [
  for rule in rules: empty(docsUrl) ? 'See docs/operations.md, ${rule.title}.' : '${docsUrl}#${rule.manual}'
]

// ============== //
//   Resources    //
// ============== //

resource actionGroup 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: '${name}-operators'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'PAT rotation'
    enabled: true
    emailReceivers: [
      for email in emails: {
        name: email
        emailAddress: email
        useCommonAlertSchema: true
      }
    ]
    webhookReceivers: [
      for webhook in items(webhooks): {
        name: webhook.key
        serviceUri: webhook.value
        useCommonAlertSchema: true
      }
    ]
  }
}

resource queryRules 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for (rule, index) in rules: {
    name: '${name}-${rule.name}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: 'PAT rotation: ${rule.title}'
      description: '${rule.todo} ${manuals[index]}'
      severity: rule.severity
      enabled: !contains(disabled, rule.name)
      scopes: [workspaceId]
      evaluationFrequency: 'PT${evaluationMinutes}M'
      windowSize: rule.window
      criteria: {
        allOf: [
          {
            query: rule.query
            timeAggregation: 'Count'
            operator: 'GreaterThan'
            threshold: 0
            dimensions: [
              for dimension in rule.dimensions: {
                name: dimension
                operator: 'Include'
                values: ['*']
              }
            ]
            failingPeriods: {
              numberOfEvaluationPeriods: 1
              minFailingPeriodsToAlert: 1
            }
          }
        ]
      }
      // Said once for each secret, owner, vault or reader, and taken back when it is no longer so.
      autoMitigate: true
      // A new workspace has no tables until the first row comes. What a validation would find, the
      // project's own tests have found.
      skipQueryValidation: true
      actions: {
        actionGroups: [actionGroup.id]
        customProperties: {
          alert: rule.name
          whatToDo: rule.todo
          manual: manuals[index]
        }
      }
    }
  }
]

// ============== //
//    Outputs     //
// ============== //

@description('Resource id of the action group, for alerts of your own.')
output actionGroupId string = actionGroup.id

// ============== //
//  Definitions   //
// ============== //

@export()
@description('Addresses to call, by a name of your choice.')
type webhooksType = {
  @description('Optional. An https address.')
  *: string
}

@export()
@description('From where on the rules speak. How many days before its expiry a secret is an alert is not here: that is the app setting ROTATION_ALERT_DAYS.')
type thresholdsType = {
  @description('Optional. After how many hours without a completed scan the dead man\'s switch speaks; 3 unless given. More than the schedule takes between two scans.')
  @minValue(1)
  @maxValue(47)
  silentHours: int?

  @description('Optional. How many days before an owner must sign in they are asked to; 14 unless given.')
  @minValue(1)
  @maxValue(89)
  signInDays: int?

  @description('Optional. How many days before the expiry of a watched secret its keeper is asked for the next value; 14 unless given.')
  @minValue(1)
  @maxValue(364)
  watchedDays: int?

  @description('Optional. For how many hours a secret is blocked, rejected or failing before that is an alert; 24 unless given.')
  @minValue(1)
  @maxValue(46)
  stuckHours: int?

  @description('Optional. How many runs fail in a row before that is an alert; 2 unless given.')
  @minValue(1)
  @maxValue(24)
  failedRuns: int?

  @description('Optional. How often within two days a stored value does not work before that is an alert; 2 unless given.')
  @minValue(1)
  @maxValue(10)
  failedProofs: int?

  @description('Optional. How often, in minutes, the rules look; 15 unless given. Azure Monitor takes these.')
  evaluationMinutes: (5 | 10 | 15 | 30 | 45 | 60)?
}

@export()
@description('How severe the two kinds of alerts are called, from 0, the severest, to 4.')
type severitiesType = {
  @description('Optional. Of alerts that should wake somebody; 1 unless given.')
  @minValue(0)
  @maxValue(4)
  urgent: int?

  @description('Optional. Of alerts for working hours; 3 unless given.')
  @minValue(0)
  @maxValue(4)
  routine: int?
}
