using 'watched.bicep'

// The first and the fourth are outputs of main.bicep, which azd keeps. Lists are separated by commas.

param identityPrincipalId = readEnvironmentVariable('AZURE_IDENTITY_PRINCIPAL_ID')
param watchedVaultIds = split(readEnvironmentVariable('DEPLOY_WATCHED_VAULT_IDS'), ',')
param operatorsGroupId = readEnvironmentVariable('DEPLOY_OPERATORS_GROUP_ID', '')
param workspaceId = readEnvironmentVariable('AZURE_WORKSPACE_ID', '')
param namePrefix = readEnvironmentVariable('DEPLOY_NAME_PREFIX', '')
