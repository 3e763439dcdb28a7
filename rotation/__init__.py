"""Keep every Azure DevOps personal access token in Azure Key Vault fresh.

The protocol, in ten lines: observe, decide, act, until there is nothing to do.

1. Key Vault holds the truth (the tags of a secret's newest version), Azure DevOps holds the tokens.
2. A token belongs to a secret when its display name ends in that secret's binding mark.
3. ``policy.decide`` looks at one secret and names one action, a reason and the next date.
4. ``steps`` carries the action out; ``rotator.settle`` repeats until the decision is *nothing*.
5. A renewal creates a token, tries it, and commits with one write to the vault.
6. The predecessor lives on for the grace period, so that running jobs finish with what they read.
7. It is revoked only after the newest version was proven and the vault accepted a write.
8. A run that dies leaves a living token that is not the current one; the next run finds it.
9. A token that is not bound to the secret in hand is never touched.
10. No value ever leaves its vault, but in the header of its own call.
"""

__version__ = "0.1.0"
