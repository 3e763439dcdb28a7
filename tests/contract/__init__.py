"""One body of tests a port, run against everything that stands behind it."""
