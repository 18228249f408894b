"""What the feeds' producer says of its records, with librdkafka replaced by a slow one."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from confluent_kafka import KafkaError, KafkaException

from include.bus import feed_producer
from include.bus.feed_producer import GROUP_RECORDS, FeedProducer
from include.errors import Unreachable

Settle = Callable[[KafkaError | None, Any], None]


class Delivered(NamedTuple):
    """What librdkafka gives with a record that it settled."""

    name: str = "t"

    def topic(self) -> str:
        return self.name


class Metadata(NamedTuple):
    """What it knows of the cluster."""

    topics: dict[str, object]


class SlowKafka:
    """Takes records, and settles them in the next poll when a test says so, in any order."""

    def __init__(self, settings: dict[str, Any], logger: object) -> None:
        self.settings, self.waiting, self.due = settings, list[Settle](), list[Callable[[], None]]()
        self.refusal: Exception | None = None

    def list_topics(self, timeout: float) -> Metadata:
        if self.settings["bootstrap.servers"] == "nowhere:1":
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))
        return Metadata({"t": object()})

    def produce(
        self, topic: str, value: bytes, key: bytes, partition: int, settled: Settle
    ) -> None:
        assert (topic, key, partition) == ("t", b"k", -1) and value
        if self.refusal:
            raise self.refusal
        self.waiting.append(settled)

    def settle(self, *numbers: int, error: KafkaError | None = None) -> None:
        for number in numbers:
            settled = self.waiting[number]
            self.due.append(lambda settled=settled: settled(error, Delivered()))

    def poll(self, timeout: float) -> int:
        assert timeout == 0
        due, self.due = self.due, []
        for settle in due:
            settle()
        return len(due)

    def flush(self, timeout: float) -> int:
        return self.poll(0)

    def purge(self) -> None:
        self.waiting.clear()


@pytest.fixture
def producer(monkeypatch: pytest.MonkeyPatch) -> Iterator[FeedProducer]:
    monkeypatch.setattr(feed_producer, "KafkaProducer", SlowKafka)
    yield FeedProducer("broker:1", client_id="test", topics=["t"])


def kafka(producer: FeedProducer) -> SlowKafka:
    assert isinstance(producer._kafka, SlowKafka)
    return producer._kafka


def send(producer: FeedProducer, count: int) -> None:
    for _ in range(count):
        producer.send("t", b"k", b"v")


def test_records_count_as_acknowledged_through_the_oldest_that_waits(
    producer: FeedProducer,
) -> None:
    assert producer.acknowledged_through == 0
    send(producer, 1)
    assert producer.acknowledged_through == 0  # asked: what is sent from now on counts apart
    send(producer, 2)
    kafka(producer).settle(1, 2)
    assert (producer.acknowledged_through, producer.acknowledged) == (0, 2)
    kafka(producer).settle(0)
    assert producer.acknowledged_through == 3 and producer.pending_bytes == 0


def test_records_that_are_counted_together_wait_for_the_last_of_them(
    producer: FeedProducer,
) -> None:
    send(producer, 3)
    kafka(producer).settle(0, 2)
    assert (producer.acknowledged_through, producer.acknowledged) == (0, 2)
    assert producer.pending_bytes == 6
    kafka(producer).settle(1)
    assert producer.acknowledged_through == 3


def test_a_busy_market_is_acknowledged_while_it_sends(producer: FeedProducer) -> None:
    send(producer, GROUP_RECORDS)
    kafka(producer).settle(*range(GROUP_RECORDS))
    assert producer.acknowledged == 0
    send(producer, 1)
    assert producer.acknowledged == GROUP_RECORDS and producer.pending_bytes == 2


def test_large_records_are_counted_sooner(producer: FeedProducer) -> None:
    for _ in range(3):
        producer.send("t", b"k", bytes(300_000))
    kafka(producer).settle(0, 1)
    assert producer.acknowledged_through == 2 and producer.pending_bytes == 300_001


def test_a_record_that_was_lost_ends_everything_and_never_counts(producer: FeedProducer) -> None:
    send(producer, 1)
    assert producer.acknowledged_through == 0
    send(producer, 1)
    kafka(producer).settle(0, error=KafkaError(KafkaError._MSG_TIMED_OUT))
    kafka(producer).settle(1)
    assert producer.acknowledged_through == 0
    assert (producer.failed, producer.acknowledged, producer.pending_bytes) == (1, 1, 0)
    for call in (producer.flush, lambda: send(producer, 1), producer.close):
        with pytest.raises(Unreachable, match=r"1 records were not delivered, first t: .*timed"):
            call()


def test_it_waits_since_the_last_acknowledgement(
    producer: FeedProducer, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = 100.0
    monkeypatch.setattr("include.bus.feed_producer.time.monotonic", lambda: now_s)
    assert producer.waiting_s() == 0
    send(producer, 2)
    now_s = 102.0
    assert producer.waiting_s() == 2
    kafka(producer).settle(1)
    assert producer.waiting_s() == 0  # one came: the broker lives
    now_s = 105.0
    assert producer.waiting_s() == 3
    kafka(producer).settle(0)
    assert producer.waiting_s() == 0
    now_s = 200.0
    send(producer, 1)
    assert producer.waiting_s() == 0


def test_asking_again_and_again_of_a_broker_that_is_away_takes_no_memory(
    producer: FeedProducer,
) -> None:
    send(producer, 1)
    for _ in range(1000):
        assert producer.acknowledged_through == 0
    assert len(producer._groups) <= 2


def test_a_full_queue_and_a_record_too_large_are_said_and_not_counted_as_sent(
    producer: FeedProducer,
) -> None:
    send(producer, 1)
    kafka(producer).refusal = BufferError("Local: Queue full")
    with pytest.raises(Unreachable, match="1 records wait for Kafka"):
        send(producer, 1)
    kafka(producer).refusal = KafkaException(KafkaError(KafkaError.MSG_SIZE_TOO_LARGE))
    with pytest.raises(Unreachable, match=r"Kafka took no record of 2 bytes for t: .*too large"):
        send(producer, 1)
    assert (producer.sent, producer.failed) == (1, 1)


def test_what_is_not_acknowledged_in_time_is_said(producer: FeedProducer) -> None:
    send(producer, 3)
    kafka(producer).settle(1)
    with pytest.raises(Unreachable, match="2 records not acknowledged in 5 s"):
        producer.flush(5)


def test_a_missing_broker_and_a_missing_topic_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_producer, "KafkaProducer", SlowKafka)
    with pytest.raises(Unreachable, match=r"Kafka at nowhere:1 does not answer: .*transport"):
        FeedProducer("nowhere:1", client_id="test")
    with pytest.raises(Unreachable, match=r"has no topic a, b$"):
        FeedProducer("broker:1", client_id="test", topics=["b", "t", "a"])
