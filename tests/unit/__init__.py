"""The files without effects, one by one; and what the tests themselves stand on."""
