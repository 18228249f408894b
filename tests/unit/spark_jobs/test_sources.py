"""What Spark's readers of Kafka are asked for."""

from typing import Any

import pytest

from include.settings import load
from spark_jobs.sources import kafka_stream


class Reader:
    """Takes options as Spark's reader does; loading gives them."""

    def __init__(self) -> None:
        self.readStream = self
        self.chosen: dict[str, str] = {}

    def format(self, _name: str) -> "Reader":
        return self

    def options(self, **options: str) -> "Reader":
        self.chosen |= options
        return self

    def option(self, name: str, value: str) -> "Reader":
        return self.options(**{name: value})

    def load(self) -> dict[str, str]:
        return self.chosen


@pytest.mark.parametrize("bounded", [True, False])
def test_a_batch_waits_for_no_news_and_a_real_time_query_does(bounded: bool) -> None:
    reader: Any = Reader()
    options: Any = kafka_stream(reader, load({}), ["market.book"], bounded=bounded)
    assert options["kafka.isolation.level"] == "read_committed"
    if bounded:
        assert int(options["kafka.fetch.max.wait.ms"]) <= 50
        assert int(options["kafka.max.poll.records"]) > 500
    else:
        assert not {"kafka.fetch.max.wait.ms", "maxOffsetsPerTrigger"} & options.keys()
