"""A secret's life, on the sandbox in process."""
