"""Records that Kafka's retention removed before this process had read them, for its metrics.

The consumers of `include/bus` count here; the process's page of metrics shows it, and
`./tickhouse status` reads it from there (`include/local/process_pages.py`).
"""

from collections import Counter

REMOVED_UNREAD = "records_removed_unread_total"
MEANING = "records of Kafka that retention removed before this process had read them"
removed_by_topic: Counter[str] = Counter()  # of all consumers of this process
