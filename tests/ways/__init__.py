"""The other ways to run: the image, and the recipes in ``ways/``, as far as they go from here."""
