"""The templates of infra/: resolved for sample parameters, and held to what they promise."""
