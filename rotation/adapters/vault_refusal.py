"""What the refusals of Key Vault mean, and what somebody should do about them.

The words are the codes of its error answers: the inner one, if there is one (Key Vault
documentation, *REST API error codes* and *Soft-delete overview*).
"""

from __future__ import annotations

DENIED = "grant the identity its role on this vault, or open the vault's firewall to it"
"""What helps against a denial that does not say more."""
_LATER = "a later run tries again"

HINTS = {
    "forbiddenbyrbac": "grant the identity its role on this vault",
    "forbiddenbypolicy": "give the identity an access policy on this vault",
    "forbiddenbyfirewall": "open the vault's firewall to the rotator",
    "forbiddenbyconnection": "let the rotator reach the vault by its private endpoint",
    "badparameter": "check its tags, content type and value against the limits of Key Vault",
    "not-found": "see whether it has been deleted",
    "conflict": _LATER,
    "objectisbeingdeleted": _LATER,
    "objectisbeingrecovered": _LATER,
    "objectisdeletedbutrecoverable": "recover it from the vault's deleted secrets",
}
"""By the word in lower case; ``not-found`` is every 404."""
