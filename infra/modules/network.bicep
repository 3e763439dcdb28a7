metadata name = 'Network'
metadata description = 'A virtual network for the function app, and private endpoints for what it reaches.'

// ============== //
//   Parameters   //
// ============== //

@description('Required. The name of the virtual network; the names of the endpoints begin with it.')
param name string

@description('Required. The region.')
param location string

@description('Required. The tags.')
param tags object

@description('Required. The addresses of the network, for two subnets of a quarter each.')
param addressPrefix string

@description('Required. What is reached by a private endpoint.')
param endpoints endpointType[]

// ============== //
//   Variables    //
// ============== //

var zoneNames = union(map(endpoints, endpoint => endpoint.zoneName), [])

// ============== //
//   Resources    //
// ============== //

resource securityGroup 'Microsoft.Network/networkSecurityGroups@2024-10-01' = {
  name: '${name}-nsg'
  location: location
  tags: tags
}

resource network 'Microsoft.Network/virtualNetworks@2024-10-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    addressSpace: {
      addressPrefixes: [
        addressPrefix
      ]
    }
    subnets: [
      {
        name: 'function'
        properties: {
          addressPrefix: cidrSubnet(addressPrefix, 26, 0)
          networkSecurityGroup: {
            id: securityGroup.id
          }
          // Flex Consumption runs in this kind of subnet, and in no other.
          delegations: [
            {
              name: 'function'
              properties: {
                serviceName: 'Microsoft.App/environments'
              }
            }
          ]
        }
      }
      {
        name: 'endpoints'
        properties: {
          addressPrefix: cidrSubnet(addressPrefix, 26, 1)
          networkSecurityGroup: {
            id: securityGroup.id
          }
          privateEndpointNetworkPolicies: 'Enabled'
        }
      }
    ]
  }

  resource functionSubnet 'subnets' existing = {
    name: 'function'
  }

  resource endpointSubnet 'subnets' existing = {
    name: 'endpoints'
  }
}

#disable-next-line BCP081 // not every index of types has the private zones
resource zones 'Microsoft.Network/privateDnsZones@2024-06-01' = [
  for zoneName in zoneNames: {
    name: zoneName
    location: 'global'
    tags: tags
  }
]

#disable-next-line BCP081 // not every index of types has the private zones
resource zoneLinks 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [
  for (zoneName, index) in zoneNames: {
    parent: zones[index]
    name: name
    location: 'global'
    tags: tags
    properties: {
      registrationEnabled: false
      virtualNetwork: {
        id: network.id
      }
    }
  }
]

resource privateEndpoints 'Microsoft.Network/privateEndpoints@2024-10-01' = [
  for endpoint in endpoints: {
    name: '${name}-${endpoint.name}'
    location: location
    tags: tags
    properties: {
      subnet: {
        id: network::endpointSubnet.id
      }
      privateLinkServiceConnections: [
        {
          name: endpoint.name
          properties: {
            privateLinkServiceId: endpoint.resourceId
            groupIds: [
              endpoint.groupId
            ]
          }
        }
      ]
    }
  }
]

resource zoneGroups 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-10-01' = [
  for (endpoint, index) in endpoints: {
    parent: privateEndpoints[index]
    name: 'default'
    properties: {
      privateDnsZoneConfigs: [
        {
          name: endpoint.groupId
          properties: {
            privateDnsZoneId: resourceId('Microsoft.Network/privateDnsZones', endpoint.zoneName)
          }
        }
      ]
    }
    dependsOn: [
      zones
    ]
  }
]

// ============== //
//   Outputs      //
// ============== //

@description('The resource id of the subnet that the function app runs in.')
output functionSubnetId string = network::functionSubnet.id

// ============== //
//   Definitions  //
// ============== //

@description('A private endpoint.')
type endpointType = {
  @description('Required. Its name among the others.')
  name: string

  @description('Required. The resource id of what it leads to.')
  resourceId: string

  @description('Required. The service of that resource, such as blob or vault.')
  groupId: string

  @description('Required. The private zone that its address is written into.')
  zoneName: string
}
