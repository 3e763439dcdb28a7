"""A long run: the product as processes that are killed, in a world where everything fails."""
