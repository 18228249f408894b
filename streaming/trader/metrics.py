"""What the trader did since it started, for its metrics."""

import time
from collections import Counter

from include.metrics import Metric
from streaming.trader.kill_points import AFTER_COMMIT, AFTER_INTENT, AFTER_SEND, BEFORE_COMMIT


class TraderMetrics:
    """Counts the points that the sessions reach."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.decided_at_s = 0.0

    def reach(self, point: str) -> None:
        """Count the point; a commit also sets the time of the last decision."""
        self.counts[point] += 1
        if point == AFTER_COMMIT:
            self.decided_at_s = time.time()

    def metrics(self) -> list[Metric]:
        """Counters since the start of the process, and the time of the last decision (s)."""
        return [
            Metric.of("trader_decisions_total", "decisions committed", self.counts[AFTER_COMMIT]),
            Metric.of(
                "trader_order_intents_total",
                "orders written down before they were sent",
                self.counts[AFTER_INTENT],
            ),
            Metric.of(
                "trader_messages_total",
                "messages of the outbox sent to Kafka",
                self.counts[AFTER_SEND],
            ),
            Metric.of(
                "trader_commits_begun_total",
                "commits begun, ended or not",
                self.counts[BEFORE_COMMIT],
            ),
            Metric.of(
                "trader_last_decision_timestamp_seconds",
                "when the last was committed",
                self.decided_at_s,
            ),
        ]
