"""The outbox against what Kafka has: what is there is not sent again, what it lost is."""

from decimal import Decimal

from include.bus import Record
from include.market import wire
from include.market.events import Balance, Message
from include.serving.journal import OutboxRow, PartitionOffset
from streaming.trader.outbox import find_offsets

TOPIC = "trading.balances"


def row(number: int, *, offset: int | None = None, topic: str = TOPIC) -> OutboxRow:
    return OutboxRow(
        number, topic, b"", b"", None if offset is None else PartitionOffset(0, offset)
    )


def record(number: int, *, offset: int, conn: str = "trader-a") -> Record:
    event = Balance("USD", Decimal(number))
    message = Message("gemini", "BTC-USD", "balance", conn, (number, number), 5, 5, (event,))
    return Record(TOPIC, 0, offset, 0, b"", wire.encode(message))


def test_rows_that_kafka_has_are_noted_and_others_are_sent() -> None:
    places = find_offsets(
        [row(4, offset=50), row(5), row(6)],
        [record(4, offset=50), record(5, offset=51)],
        conn="trader-a",
    )
    assert places == {4: PartitionOffset(0, 50), 5: PartitionOffset(0, 51), 6: None}


def test_acknowledged_rows_that_kafka_lost_are_sent_again() -> None:
    rows = [row(4, offset=50), row(5, offset=51), row(6, offset=52)]
    places = find_offsets(rows, [record(4, offset=50)], conn="trader-a")
    assert places == {4: PartitionOffset(0, 50), 5: None, 6: None}
    assert find_offsets(rows, [], conn="trader-a") == dict.fromkeys((4, 5, 6))  # the topic is new


def test_a_row_before_the_tail_counts_as_landed_no_sooner_than_the_first_in_it() -> None:
    tail = [record(7, offset=90), record(8, offset=91)]
    assert find_offsets([row(2)], tail, conn="trader-a") == {2: PartitionOffset(0, 90)}


def test_records_of_another_journal_or_topic_say_nothing() -> None:
    foreign = [record(9, offset=90, conn="trader-b"), Record(TOPIC, 0, 91, 0, b"", b"junk")]
    assert find_offsets([row(2)], foreign, conn="trader-a") == {2: None}
    other = row(3, topic="trading.orders")
    assert find_offsets([other], [record(9, offset=90)], conn="trader-a") == {3: None}
