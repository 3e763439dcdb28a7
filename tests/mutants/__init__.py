"""Deliberately broken rules and steps, and the test that notices each: what the tests are worth."""
