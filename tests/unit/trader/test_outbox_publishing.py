"""What the publisher sends, notes and deletes, with a broker and a journal kept in memory."""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

import pytest

from include.bus import Record, TopicPartition
from include.errors import Unreachable, UnreadableTable
from include.market import wire
from include.market.events import Balance, Message
from include.serving.journal import OutboxRow, PartitionOffset
from streaming.trader import outbox
from streaming.trader.outbox import Publisher

TOPIC = "trading.balances"
Delivered = Callable[[int, int], None]


def encode(number: int) -> tuple[bytes, bytes]:
    event = Balance("USD", Decimal(number))
    message = Message("gemini", "BTC-USD", "balance", "trader-a", (number, number), 5, 5, (event,))
    return wire.encode_key(message), wire.encode(message)


def make_row(number: int, *, offset: int | None = None) -> OutboxRow:
    place = None if offset is None else PartitionOffset(0, offset)
    return OutboxRow(number, TOPIC, *encode(number), place)


def record(number: int, *, offset: int) -> Record:
    return Record(TOPIC, 0, offset, 0, *encode(number))


class Journal:
    """The outbox's rows in memory; what the lake has of them is deleted."""

    def __init__(self, *rows: OutboxRow) -> None:
        self.rows = {row.id: row for row in rows}

    def outbox(self, *, unsent: bool = False) -> list[OutboxRow]:
        rows = sorted(self.rows.values(), key=lambda row: row.id)
        return [row for row in rows if not (unsent and row.kafka_offset)]

    def outbox_partitions(self) -> list[TopicPartition]:
        sent = [row for row in self.rows.values() if row.kafka_offset]
        return sorted({TopicPartition(row.topic, row.kafka_offset.partition) for row in sent})  # type: ignore[union-attr]

    def note_offsets(self, offsets_by_id: Mapping[int, PartitionOffset | None]) -> None:
        for number, offset in offsets_by_id.items():
            row = self.rows[number]
            self.rows[number] = OutboxRow(row.id, row.topic, row.key, row.value, offset)

    def delete_landed(self, next_offsets: Mapping[TopicPartition, int]) -> None:
        for row in self.outbox():
            at = row.kafka_offset
            if at and at.offset < next_offsets.get(TopicPartition(row.topic, at.partition), 0):
                del self.rows[row.id]


class Broker:
    """Takes records and acknowledges them when it is flushed, unless it is silent."""

    def __init__(self, first_offset: int = 100) -> None:
        self.records: list[tuple[str, bytes, bytes]] = []
        self.first_offset, self.is_silent = first_offset, False
        self._waiting: list[tuple[int, Delivered]] = []
        self.made_for: tuple[str, str] | None = None

    def make(self, bootstrap: str, *, client_id: str) -> "Broker":
        self.made_for = bootstrap, client_id
        return self

    def send(self, topic: str, key: bytes, value: bytes, *, delivered: Delivered) -> None:
        self._waiting.append((self.first_offset + len(self.records), delivered))
        self.records.append((topic, key, value))

    def flush(self, _timeout_s: float) -> None:
        for offset, delivered in [] if self.is_silent else self._waiting:
            delivered(0, offset)
        self._waiting = []

    def close(self, *, timeout_s: float) -> None:
        assert timeout_s < 5
        if self.is_silent:
            raise Unreachable("Kafka does not answer")


class KillPoints:
    def reach(self, _point: str) -> None:
        return


def publisher(
    monkeypatch: pytest.MonkeyPatch,
    journal: Journal,
    broker: Broker,
    *,
    tail: Iterable[Record] = (),
    landed: Callable[[Iterable[TopicPartition]], Mapping[TopicPartition, int]] = lambda _: {},
) -> Publisher:
    def read_tail(bootstrap: str, topics: set[str], *, record_count: int) -> list[Record]:
        assert (bootstrap, topics, record_count) == ("broker:1", {TOPIC}, 500)
        return list(tail)

    monkeypatch.setattr(outbox, "Producer", broker.make)
    monkeypatch.setattr(outbox, "read_tail", read_tail)
    kill_points: Any = KillPoints()
    return Publisher(
        "broker:1",
        journal=journal,  # type: ignore[arg-type]
        conn="trader-a",
        kill_points=kill_points,
        read_next_offsets=landed,
    )


def test_rows_are_sent_in_their_order_once_and_noted_where_kafka_has_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    journal, broker = Journal(make_row(2), make_row(1)), Broker()
    one = publisher(monkeypatch, journal, broker)
    assert broker.made_for == ("broker:1", "trader")
    one.flush()
    one.flush()
    first, second = journal.outbox()
    assert broker.records == [(TOPIC, row.key, row.value) for row in (first, second)]
    assert [row.kafka_offset for row in (first, second)] == [
        PartitionOffset(0, 100),
        PartitionOffset(0, 101),
    ]


def test_a_new_process_sends_what_kafka_does_not_have_and_says_what_it_lost(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # 4 was acknowledged and is there, 5 was sent and not noted, 6 and 7 were acknowledged and lost
    rows = [make_row(4, offset=50), make_row(5), make_row(6, offset=52), make_row(7, offset=53)]
    journal, broker = Journal(*rows), Broker(first_offset=52)
    tail = [record(4, offset=50), record(5, offset=51)]
    one = publisher(monkeypatch, journal, broker, tail=tail)
    assert [row.id for row in journal.outbox(unsent=True)] == [6, 7]
    assert "kafka lost acknowledged messages rows=2" in caplog.text
    one.flush()
    assert [wire.decode(value).seq for _, _, value in broker.records] == [(6, 6), (7, 7)]
    offsets = [row.kafka_offset.offset for row in journal.outbox() if row.kafka_offset]
    assert offsets == [50, 51, 52, 53]


def test_what_the_lake_has_is_deleted_at_the_start_and_every_half_minute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, ends = [0.0], {TopicPartition(TOPIC, 0): 51}
    monkeypatch.setattr(outbox.time, "monotonic", lambda: now[0])
    journal = Journal(make_row(4, offset=50), make_row(5, offset=51))
    tail = [record(4, offset=50), record(5, offset=51)]
    one = publisher(monkeypatch, journal, Broker(), tail=tail, landed=lambda _: ends)
    assert list(journal.rows) == [5]
    ends[TopicPartition(TOPIC, 0)] = 52
    now[0] = 30.0
    one.flush()
    assert list(journal.rows) == [5]
    now[0] = 30.1
    one.flush()
    assert not journal.rows


def test_while_the_lake_cannot_be_read_every_row_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(_: Iterable[TopicPartition]) -> Mapping[TopicPartition, int]:
        raise UnreadableTable("balances")

    journal = Journal(make_row(4, offset=50), make_row(5))
    tail = [record(4, offset=50)]
    publisher(monkeypatch, journal, Broker(), tail=tail, landed=unreadable).flush()
    assert [row.kafka_offset for row in journal.outbox()] == [
        PartitionOffset(0, 50),
        PartitionOffset(0, 100),
    ]


def test_a_delivery_that_is_not_reported_is_sent_again_by_the_next_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    journal, broker, now = Journal(make_row(1)), Broker(), iter(range(99))
    monkeypatch.setattr(outbox.time, "monotonic", lambda: float(next(now)))
    broker.is_silent = True
    with pytest.raises(Unreachable, match="0 of 1 deliveries"):
        publisher(monkeypatch, journal, broker).flush()
    assert [row.id for row in journal.outbox(unsent=True)] == [1]


def test_a_silent_broker_at_the_end_is_an_error_unless_there_was_one_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broker = Broker()
    with pytest.raises(Unreachable, match="does not answer"):
        with publisher(monkeypatch, Journal(), broker):
            broker.is_silent = True
    with pytest.raises(ValueError, match="the first"):
        with publisher(monkeypatch, Journal(), broker):
            raise ValueError("the first")
