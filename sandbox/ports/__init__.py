"""The rotator's ports straight on the world's state: no network, no threads, no waiting.

They fulfil the contracts of ``rotation.ports`` as the adapters do over HTTPS: the same calls in the
same order, the same faults, the same errors. Two things differ. Nothing is repeated: the first bad
answer to an idempotent call is an ``UnavailableError``, where an adapter tries again. And waiting,
for a late answer too, moves the world's clock instead of taking time.
"""

from sandbox.ports.issuer import WorldIssuer
from sandbox.ports.process import InProcess, sessions_of
from sandbox.ports.record import Journal, MemoryLocks
from sandbox.ports.request import MemoryBacklog, MemoryRequests
from sandbox.ports.session import WorldSessionStore, WorldTokenService
from sandbox.ports.store import WorldStore

__all__ = [
    "InProcess",
    "Journal",
    "MemoryBacklog",
    "MemoryLocks",
    "MemoryRequests",
    "WorldIssuer",
    "WorldSessionStore",
    "WorldStore",
    "WorldTokenService",
    "sessions_of",
]
