"""The templates of infra/: parsed, resolved for chosen parameters, and held to what they promise."""
