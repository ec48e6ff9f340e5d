"""Settings of all property tests: the same examples in every run, no time limit for each."""

import os

from hypothesis import settings

settings.register_profile(
    "reproducible",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=int(os.environ.get("SKFOCAL_EXAMPLES", 40)),
)
settings.load_profile("reproducible")
