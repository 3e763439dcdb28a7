"""The outside world in miniature: Azure DevOps, Entra and Key Vault, imitated on this machine.

One state machine, ``world.World``, holds everything that the real services would: vaults with
their versions, organizations with their tokens and policies, a tenant with its sessions. Two ways
lead to it: ``https.Sandbox`` answers on loopback as the services do on the network, and ``ports``
answers the rotator's own ports in the same process, for fast simulations. Both are imitations of
one world, so that a test may use either.

The sandbox imitates the services' bad manners too: each is written down where it is imitated, with
its source. Nothing here is ever loaded by the product.
"""
