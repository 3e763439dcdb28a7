using 'main.bicep'

// What azd keeps for the environment (`azd env set NAME VALUE`), or what your shell has. Lists are separated by commas.
// All other parameters have their defaults in main.bicep; write those here that you want otherwise.

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME')
param location = readEnvironmentVariable('AZURE_LOCATION')
param watchedVaultIds = split(readEnvironmentVariable('DEPLOY_WATCHED_VAULT_IDS'), ',')
param owners = filter(split(readEnvironmentVariable('ROTATION_OWNERS', ''), ','), owner => !empty(owner))
param registersApplication = bool(readEnvironmentVariable('DEPLOY_REGISTERS_APPLICATION', 'true'))
param registrationClientId = readEnvironmentVariable('DEPLOY_REGISTRATION_CLIENT_ID', '')
param consents = bool(readEnvironmentVariable('DEPLOY_CONSENTS', 'true'))
param assignedPrincipalIds = filter(split(readEnvironmentVariable('DEPLOY_ASSIGNED_PRINCIPAL_IDS', ''), ','), id => !empty(id))
param operatorsGroupId = readEnvironmentVariable('DEPLOY_OPERATORS_GROUP_ID', '')
param alertEmails = filter(split(readEnvironmentVariable('DEPLOY_ALERT_EMAILS', ''), ','), email => !empty(email))
param sessionVaultCreateMode = readEnvironmentVariable('DEPLOY_SESSION_VAULT_CREATE_MODE', 'default')
