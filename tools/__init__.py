"""What ``make`` uses beside the product and its tests."""
