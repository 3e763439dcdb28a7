"""The world's faces on loopback: each answers as the real service does on the network.

``Sandbox`` starts them all and tells the product, by environment variables, where they are.
"""

from sandbox.https.certificate import Authority
from sandbox.https.sandbox import Sandbox

__all__ = ["Authority", "Sandbox"]
