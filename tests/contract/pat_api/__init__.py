"""The PAT lifecycle API as its publisher describes it: names, types and values, as data."""
