"""Settings of all property tests: the same examples in every run, no time limit for each."""

from hypothesis import settings

settings.register_profile("reproducible", derandomize=True, database=None, deadline=None)
settings.load_profile("reproducible")
