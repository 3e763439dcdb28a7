"""The promises of the product, each held by a test; a docstring says which."""
