using 'registration.bicep'

// What whoever deployed main.bicep was told as its outputs. Lists are separated by commas.

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME')
param uniqueName = readEnvironmentVariable('AZURE_REGISTRATION_NAME')
param identityPrincipalId = readEnvironmentVariable('AZURE_IDENTITY_PRINCIPAL_ID')
param hostNames = split(readEnvironmentVariable('AZURE_FUNCTION_HOST_NAME'), ',')
param consents = bool(readEnvironmentVariable('DEPLOY_CONSENTS', 'true'))
param assignedPrincipalIds = filter(split(readEnvironmentVariable('DEPLOY_ASSIGNED_PRINCIPAL_IDS', ''), ','), id => !empty(id))
