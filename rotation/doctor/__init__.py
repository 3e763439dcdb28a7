"""The doctor: tries every precondition for real, and says what to do about each that fails.

Nothing is changed unless that is asked for, and then only what is harmless; nothing is saved.
"""

from rotation.doctor.examination import Doctor
from rotation.doctor.installation import Identity, Installation, StorageCheck

__all__ = ["Doctor", "Identity", "Installation", "StorageCheck"]
