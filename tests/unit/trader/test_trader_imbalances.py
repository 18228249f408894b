"""Imbalances from Kafka: the first of each interval, with the book message it was taken from."""

import json
from decimal import Decimal as D

from include.bus import Record
from include.market import wire
from include.market.events import Message, Top
from include.market.wire import Topic
from include.settings import load
from include.trading.inputs import RecordId
from streaming.trader.config import TraderConfig
from streaming.trader.followers.imbalances import ImbalanceFollower

S = 1_000_000
T0 = 1_524_546_960 * S
READ = {(Topic.BOOK, 0): 100}
RECEIVED = T0 + 3600 * S  # a recorded market


def book(
    offset: int, at: int | None, bid: int, *, venue: str = "gemini", received: int = RECEIVED
) -> Record:
    top = Top(bid=D(bid), bid_quantity=D(3), ask=D(bid + 1), ask_quantity=D(1))
    message = Message(venue, "BTC-USD", "book", "c", None, at, received, (), top)
    return Record(Topic.BOOK, 0, offset, 0, wire.encode_key(message), wire.encode(message))


def measure(
    offset: int,
    at: int,
    source: int,
    *,
    venue: str = "gemini",
    value: str = "0.5",
    received: int = RECEIVED,
    kind: str = "imbalance",
) -> Record:
    body = {
        "v": 1,
        "venue": venue,
        "symbol": "BTC-USD",
        "type": kind,
        "value": value,
        "timestamp": at,
        "window_start": at,
        "received_time": received,
        "source": {"topic": Topic.BOOK, "partition": 0, "offset": source},
    }
    return Record(
        Topic.SIGNALS, 0, offset, 0, f"{venue}|BTC-USD".encode(), json.dumps(body).encode()
    )


def market(*records: Record, venue: str = "gemini", last: int = -1) -> ImbalanceFollower:
    found = ImbalanceFollower(venue=venue, symbol="BTC-USD", sampling_us=10 * S, last_window=last)
    for record in records:
        found.take(record)
    return found


def drained(found: ImbalanceFollower) -> list[tuple[int, int, int | None]]:
    """Seconds of the interval and of the signal after T0, and the best bid."""
    signals = []
    while got := found.next(READ):
        signal, _, seen = got
        bid = int(seen.best.bid) if seen and seen.best else None
        signals.append(((signal.window_start - T0) // S, (signal.timestamp - T0) // S, bid))
    return signals


def test_a_wrong_time_takes_no_later_intervals_away() -> None:
    found = market(
        book(1, T0 + 50 * S, 10, received=T0),
        book(2, T0 + 12 * S, 20, received=T0 + 12 * S),
        book(3, T0 + 22 * S, 30, received=T0 + 22 * S),
        measure(0, T0 + 50 * S, 1, received=T0),
        measure(1, T0 + 12 * S, 2, received=T0 + 12 * S + 1),
        measure(2, T0 + 22 * S, 3, received=T0 + 22 * S + 1),
    )
    assert drained(found) == [(0, 0, 10), (10, 12, 20), (20, 22, 30)]


def test_the_first_imbalance_of_an_interval_is_its_signal() -> None:
    found = market(
        book(1, T0 + 3 * S, 10),
        book(2, T0 + 4 * S, 20),
        book(3, T0 + 12 * S, 30),
        book(4, T0 + 25 * S, 40),
        measure(0, T0 + 3 * S, 1),
        measure(1, T0 + 4 * S, 2),
        measure(2, T0 + 12 * S, 3),
        measure(3, T0 + 3 * S, 1),
        measure(4, T0 + 25 * S, 4),
    )
    assert drained(found) == [(0, 3, 10), (10, 12, 30), (20, 25, 40)]
    assert found.unreadable == 0


def test_a_signal_waits_until_its_book_message_was_read() -> None:
    found = market(measure(3, T0, 7))
    assert found.next({}) is None  # nothing of the book was read yet
    assert found.next({(Topic.BOOK, 0): 7}) is None
    found.take(book(7, T0, 50))
    got = found.next({(Topic.BOOK, 0): 8})
    assert got is not None
    assert got.record_id == RecordId(Topic.SIGNALS, 0, 3)
    assert got.top is not None
    assert got.top.record_id is not None
    assert got.top.record_id.offset == 7


def test_a_book_message_that_is_not_there_gives_no_top() -> None:
    assert drained(market(book(6, T0, 1), book(8, T0, 2), measure(0, T0, 7))) == [(0, 0, None)]


def test_a_decided_interval_is_not_given_again_after_a_restart() -> None:
    records = (
        book(1, T0, 10),
        measure(0, T0, 1),
        book(2, T0 + 10 * S, 20),
        measure(1, T0 + 10 * S, 2),
    )
    assert drained(market(*records, last=T0)) == [(10, 10, 20)]


def test_a_restart_reads_the_tops_again_that_may_still_be_asked_for() -> None:
    found = market(book(5, T0, 10), book(6, T0 + 1, 11), measure(3, T0, 5), measure(4, T0 + 1, 6))
    assert found.resume_at({(Topic.BOOK, 0): 9, (Topic.SIGNALS, 0): 5}) == {
        (Topic.BOOK, 0): 5,
        (Topic.SIGNALS, 0): 3,
    }
    drained(found)
    assert found.resume_at({(Topic.BOOK, 0): 9, (Topic.SIGNALS, 0): 5}) == {
        (Topic.BOOK, 0): 5,
        (Topic.SIGNALS, 0): 5,
    }


def test_a_snapshots_time_of_receipt_is_no_market_time_but_binance_has_no_other() -> None:
    late = T0 + 10**15
    snapshot = (book(1, None, 10, received=late), measure(0, late, 1, received=late))
    after = (book(2, T0, 20), measure(1, T0, 2))
    assert drained(market(*snapshot, *after)) == [(0, 0, 20)]
    untimed = market(
        book(1, None, 30, venue="binance", received=T0),
        measure(0, T0, 1, venue="binance", received=T0),
        venue="binance",
    )
    assert drained(untimed) == [(0, 0, 30)]


def test_other_kinds_and_junk_make_no_signal() -> None:
    found = market(
        measure(0, T0, 1, kind="mid_price"),
        measure(1, T0, 1, kind="price_volume"),
        measure(2, T0, 1, venue="deribit"),
        measure(3, T0, 1, value="1.01"),
        measure(4, T0, 1, value="NaN"),
        Record(Topic.SIGNALS, 0, 5, 0, b"gemini|BTC-USD", b"{junk"),
        Record(Topic.BOOK, 0, 5, 0, b"gemini|BTC-USD", b"\xff"),
    )
    assert drained(found) == []
    assert found.unreadable == 4


def test_the_follower_of_a_rule_of_imbalances_is_set_by_the_settings() -> None:
    variables = {"RULE": "imbalance_and_mid", "SAMPLING_S": "20", "VENUE": "gemini"}
    settings = load({f"TICKHOUSE_TRADER_{name}": text for name, text in variables.items()})
    follower = TraderConfig.from_settings(settings).follower(dict, last_window=T0)
    assert isinstance(follower, ImbalanceFollower)
    for number, seconds in enumerate((5, 15, 25, 45)):
        follower.take(book(number, T0 + seconds * S, 10 + number))
        follower.take(measure(number, T0 + seconds * S, number))
    assert drained(follower) == [(20, 25, 12), (40, 45, 13)]
