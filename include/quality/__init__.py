"""Data-quality gates: suites of expectations that must pass before anything downstream runs."""

import logging

logging.getLogger("great_expectations").setLevel(logging.WARNING)
