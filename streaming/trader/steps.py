"""What the trader did since it started, for its metrics."""

import time
from collections import Counter

from include.metrics import Metric

BEGUN, INTENT, DECIDED, SENT = "before commit", "after intent", "after commit", "sent"


class Steps:
    """Counts the steps that a session reaches."""

    def __init__(self) -> None:
        """Nothing was reached yet."""
        self.counts: Counter[str] = Counter()
        self.decided_at = 0.0

    def __call__(self, step: str) -> None:
        """Count a step."""
        self.counts[step] += 1
        if step == DECIDED:
            self.decided_at = time.time()

    def metrics(self) -> list[Metric]:
        """The metrics."""
        return [
            Metric.of("trader_decisions_total", "decisions committed", self.counts[DECIDED]),
            Metric.of(
                "trader_order_intents_total",
                "orders written down before they were sent",
                self.counts[INTENT],
            ),
            Metric.of(
                "trader_messages_total", "messages of the outbox sent to Kafka", self.counts[SENT]
            ),
            Metric.of(
                "trader_commits_begun_total", "commits begun, ended or not", self.counts[BEGUN]
            ),
            Metric.of(
                "trader_last_decision_timestamp_seconds",
                "when the last was committed",
                self.decided_at,
            ),
        ]
