"""The function app as the Functions runtime loads it, and the commands as people start them."""
