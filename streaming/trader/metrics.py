"""What the trader did since it started, for its metrics."""

import time
from collections import Counter
from collections.abc import Collection

from include.metrics import Metric
from streaming.trader.kill_points import (
    AFTER_COMMIT,
    AFTER_INTENT,
    AFTER_SEND,
    BEFORE_COMMIT,
    SUSPENDED,
)

LABELS = ("account",)
COUNTED = {
    "trader_decisions_total": (AFTER_COMMIT, "decisions committed"),
    "trader_order_intents_total": (AFTER_INTENT, "orders written down before they were sent"),
    "trader_commits_begun_total": (BEFORE_COMMIT, "commits begun, ended or not"),
    "trader_failures_total": (SUSPENDED, "times that the account was suspended by a failure"),
}


class AccountCounts:
    """Counts the points that the sessions of one account reach."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.decided_at_s = 0.0

    def reach(self, point: str) -> None:
        """Count the point; a commit also sets the time of the last decision."""
        self.counts[point] += 1
        if point == AFTER_COMMIT:
            self.decided_at_s = time.time()


class TraderMetrics:
    """The counts of each account, and of what all share."""

    def __init__(self, account_names: Collection[str]) -> None:
        self.shared = AccountCounts()
        self.by_account = {account: AccountCounts() for account in account_names}

    def metrics(self) -> list[Metric]:
        """Counters since the start of the process, and the times of the last decisions (s)."""
        counted = [
            Metric(
                name,
                meaning,
                {(key,): float(of.counts[point]) for key, of in self.by_account.items()},
                LABELS,
            )
            for name, (point, meaning) in COUNTED.items()
        ]
        return [
            *counted,
            Metric.of(
                "trader_messages_total",
                "messages of the outbox sent to Kafka",
                self.shared.counts[AFTER_SEND],
            ),
            Metric(
                "trader_last_decision_timestamp_seconds",
                "when the last was committed",
                {(name,): of.decided_at_s for name, of in self.by_account.items()},
                LABELS,
            ),
        ]
