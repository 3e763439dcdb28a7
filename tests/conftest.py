"""What holds for every test: random examples are the same at each run, whatever the machine."""

from hypothesis import settings

pytest_plugins = ["pytester", "tests.tally", "tests.leaks"]

# No deadline: a promise about the product is not one about the speed of this machine.
# No database: a failure is repeated from the commit alone.
settings.register_profile("repeatable", deadline=None, database=None, derandomize=True)
settings.load_profile("repeatable")
