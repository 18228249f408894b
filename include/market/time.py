"""Lengths of time in the unit that the whole product counts in: microseconds."""

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US

# A time outside these is a wrong unit, a wrong clock or a forged record, whatever says it.
EARLIEST_US = 946_684_800 * SECOND_US  # 2000-01-01
LATEST_US = 4_102_444_800 * SECOND_US  # 2100-01-01
AHEAD_US = 24 * 60 * MINUTE_US  # how far ahead of its Kafka time a record may speak of
