"""Signals that a batch sends and inserts; one that is run again after a crash sends none twice."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal as D

import pytest

from include.bus import Record, TopicPartition
from include.market.signals import PublishedSignal
from include.market.wire import Topic
from include.settings import Settings
from spark_jobs import signal_publisher
from spark_jobs.signal_publisher import SignalPublisher, encode, signal_ends

BID = PublishedSignal("gemini", "BTC-USD", "bid", D("1.5"), 60_000_000, 120_000_000)
ASK = BID._replace(type="ask")
NEXT = BID._replace(window_start=120_000_000, window_end=180_000_000)


class Broker:
    """market.signals of two partitions, in memory."""

    def __init__(self, settings: Settings) -> None:
        self.bootstrap, self.flushes = settings.bootstrap, 0
        self.sent: list[tuple[str, bytes, bytes]] = []
        self.inserted: list[tuple[str, list[PublishedSignal]]] = []
        self.records: dict[TopicPartition, list[bytes]] = {
            TopicPartition(Topic.SIGNALS, part): [] for part in (0, 1)
        }

    def make(self, bootstrap: str, *, client_id: str, topics: list[str]) -> "Broker":
        assert (bootstrap, client_id, topics) == (self.bootstrap, "signals", [Topic.SIGNALS])
        return self

    def send(self, topic: str, key: bytes, value: bytes) -> None:
        self.sent.append((topic, key, value))

    def flush(self) -> None:
        self.flushes += 1

    def read_from(
        self, bootstrap: str, topics: list[str], *, offsets: Mapping[TopicPartition, int]
    ) -> Iterator[Record]:
        assert (bootstrap, topics) == (self.bootstrap, [Topic.SIGNALS])
        for part, first in offsets.items():
            for offset, value in enumerate(self.records[part][first:], first):
                yield Record(*part, offset, 0, b"", value)

    def offset_ranges(
        self, bootstrap: str, topics: list[str]
    ) -> dict[TopicPartition, tuple[int, int]]:
        assert (bootstrap, topics) == (self.bootstrap, [Topic.SIGNALS])
        return {part: (0, len(values)) for part, values in self.records.items()}

    def insert_new(self, lake: str, signals: Sequence[PublishedSignal]) -> None:
        assert self.flushes == len(self.inserted) + 1, "Delta gets what Kafka has taken"
        self.inserted.append((lake, list(signals)))


@pytest.fixture
def broker(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Broker:
    broker = Broker(settings)
    monkeypatch.setattr(signal_publisher, "Producer", broker.make)
    for name in ("read_from", "offset_ranges", "insert_new"):
        monkeypatch.setattr(signal_publisher, name, getattr(broker, name))
    return broker


def test_signals_are_sent_by_their_symbol_then_inserted_and_the_others_woken(
    settings: Settings, broker: Broker
) -> None:
    wakeup = threading.Event()
    SignalPublisher(settings, query="signals", wakeup=wakeup).publish([BID, ASK])
    key = b"gemini|BTC-USD"
    assert broker.sent == [(Topic.SIGNALS, key, encode(signal)) for signal in (BID, ASK)]
    assert broker.inserted == [(settings.lake, [BID, ASK])]
    assert wakeup.is_set()


def test_a_batch_that_is_run_again_sends_what_it_had_not_sent(
    settings: Settings, broker: Broker
) -> None:
    zero, one = (broker.records[TopicPartition(Topic.SIGNALS, part)] for part in (0, 1))
    zero += [encode(NEXT), encode(BID)]  # the first is of before the batch
    one += [b"junk", encode(BID._replace(symbol="ETH-USD"))]
    publisher = SignalPublisher(settings, query="signals", wakeup=threading.Event())
    publisher.resume({0: 1, 1: 0})
    publisher.publish([BID, ASK, NEXT])
    assert [value for _, _, value in broker.sent] == [encode(ASK), encode(NEXT)]
    assert broker.inserted == [(settings.lake, [BID, ASK, NEXT])]
    publisher.publish([BID])  # a later batch: nothing of it was sent before
    assert broker.sent[-1][2] == encode(BID) and len(broker.sent) == 3


def test_how_far_the_topic_reaches_is_known_by_partition(
    settings: Settings, broker: Broker
) -> None:
    broker.records[TopicPartition(Topic.SIGNALS, 1)] += [b"a", b"b"]
    assert signal_ends(settings) == {0: 0, 1: 2}
