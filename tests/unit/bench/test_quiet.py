"""A query is stopped between two batches, with Spark's log off meanwhile and on again after it."""

from typing import Any
from unittest.mock import MagicMock

import pytest

from bench.quiet import stop_quietly


class Query:
    """Runs a batch for a few looks at it."""

    def __init__(self, looks: int, steps: list[str]) -> None:
        self.looks, self.steps = looks, steps

    @property
    def status(self) -> dict[str, Any]:
        self.looks -= 1
        return {"isTriggerActive": self.looks > 0}

    def stop(self) -> None:
        self.steps.append(f"stopped {max(self.looks, 0)}")


def test_a_query_is_stopped_between_batches_and_the_log_is_on_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps = list[str]()
    monkeypatch.setattr("bench.quiet.time.sleep", lambda _: None)
    spark = MagicMock()
    spark.sparkContext.setLogLevel.side_effect = steps.append
    spark.sparkContext.statusTracker().getActiveStageIds.side_effect = [[1], []]
    stop_quietly(spark, Query(3, steps))  # type: ignore[arg-type]
    assert steps == ["OFF", "stopped 0", "WARN"]
