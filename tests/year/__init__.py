"""A year of many secrets, in minutes."""
