"""The ports, fulfilled by real services. Vendor errors are translated here, at the border."""
