"""Settings of the property tests: reproducible examples without a time limit."""

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
