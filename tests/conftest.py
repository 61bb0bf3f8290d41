"""What every test shares."""

from hypothesis import settings

pytest_plugins = ("tests.skips", "tests.browser", "tests.databases")

# A slow machine is not a wrong program: no test is timed.
settings.register_profile("segue", deadline=None, print_blob=True)
settings.load_profile("segue")
