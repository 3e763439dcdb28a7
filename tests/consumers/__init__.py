"""The recipes of docs/consumers, block by block, as whoever uses a token runs them."""
