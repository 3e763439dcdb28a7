"""The words: what is documented exists, and what exists is documented."""
