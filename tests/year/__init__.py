"""A year of many secrets, and one of the owners' sessions, in minutes."""
