"""Lengths of time in the unit that the whole product counts in: microseconds."""

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
