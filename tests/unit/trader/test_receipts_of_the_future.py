"""A feed whose clock is wrong dates receipt and venue time alike: Kafka's stamp shows it."""

import json
from typing import Any

import pytest

from include.bus import Record
from include.market.time import HOUR_US, SECOND_US, believed_receipt
from include.market.wire import Topic
from streaming.trader.followers.averages import AverageFollower, AverageSignals
from streaming.trader.followers.imbalances import ImbalanceFollower
from streaming.trader.followers.window_signals import WindowSignals
from streaming.trader.followers.windows import WindowFollower

NOW = 1_800_000_000 * SECOND_US
Y2099 = 4_070_908_800 * SECOND_US
AHEAD = [Y2099, NOW + 20 * HOUR_US, NOW + 2 * 60 * SECOND_US]
KEY = b"gemini|BTC-USD"
LEVEL = {"price": "1", "remaining": "1", "type": "change"}


def book(offset: int, at: int, bid: int, *, stamped: int | None = None) -> Record:
    body = {
        "v": 1,
        "venue": "gemini",
        "symbol": "BTC-USD",
        "kind": "book",
        "conn": "c",
        "seq": None,
        "venue_time": at,
        "received_time": at,
        "events": [LEVEL | {"side": side} for side in ("bid", "ask")],
        "top": {"bid": f"{bid}", "bid_quantity": "1", "ask": f"{bid + 1}", "ask_quantity": "1"},
    }
    stamp_ms = (at if stamped is None else stamped) // 1000
    return Record(Topic.BOOK, 0, offset, stamp_ms, KEY, json.dumps(body).encode())


def signal(offset: int, end: int, *, stamped: int | None = None, **more: Any) -> Record:
    body = {
        "v": 1,
        "venue": "gemini",
        "symbol": "BTC-USD",
        "type": "price_volume",
        "value": "0.5",
        "timestamp": end,
        "window_start": end - 60 * SECOND_US,
    } | more
    stamp_ms = (end if stamped is None else stamped) // 1000
    key = f"{body['venue']}|BTC-USD".encode()
    return Record(Topic.SIGNALS, 0, offset, stamp_ms, key, json.dumps(body).encode())


def measure(offset: int, at: int, source: int, *, stamped: int | None = None) -> Record:
    source_id = {"topic": Topic.BOOK, "partition": 0, "offset": source}
    more = {"type": "imbalance", "window_start": at, "received_time": at + 1, "source": source_id}
    return signal(offset, at, stamped=stamped, **more)


def windows() -> WindowFollower:
    span = {"window_us": 60 * SECOND_US, "delay_us": 0}
    signals = WindowSignals(venue="gemini", symbol="BTC-USD", **span)
    return WindowFollower(
        signals, key=KEY, end_offsets=lambda: {(Topic.BOOK, 0): 10**6}, depth=None
    )


def follow(follower: Any, *records: Record) -> list[tuple[int, int | None]]:
    """End of each signal in seconds from `NOW`, and the bid that it has."""
    moments = []
    for record in records:
        follower.take(record)
        while got := follower.next({(Topic.BOOK, 0): 100, (Topic.SIGNALS, 0): 100}):
            bid = int(got.top.best.bid) if got.top and got.top.best else None
            moments.append(((got.signal.timestamp - NOW) // SECOND_US, bid))
    return moments


@pytest.mark.parametrize("ahead", AHEAD)
def test_a_top_of_the_future_hides_no_later_one_and_ends_no_window(ahead: int) -> None:
    seconds = [NOW + n * SECOND_US for n in (1, 61, 121)]
    follower = windows()
    moments = follow(
        follower,
        book(0, seconds[0], 10),
        book(1, ahead, 99, stamped=seconds[0]),
        signal(0, NOW + 60 * SECOND_US),
        book(2, NOW + 59 * SECOND_US, 20),
        book(3, seconds[1], 30),
        signal(1, NOW + 120 * SECOND_US),
        book(4, seconds[2], 40),
    )
    assert moments == [(60, 20), (120, 30)]
    assert follower.unreadable == 1


@pytest.mark.parametrize("end", [*AHEAD[:2], 0])
def test_a_signal_of_another_age_is_neither_decided_nor_makes_others_late(end: int) -> None:
    moments = follow(
        windows(),
        book(0, NOW + SECOND_US, 10),
        signal(0, end, stamped=NOW + 60 * SECOND_US),
        book(1, NOW + 61 * SECOND_US, 20),
        signal(1, NOW + 60 * SECOND_US),
        book(2, NOW + 121 * SECOND_US, 20),
    )
    assert moments == [(60, 10)]


@pytest.mark.parametrize("ahead", AHEAD)
def test_an_imbalance_of_the_future_takes_no_later_interval_away(ahead: int) -> None:
    follower = ImbalanceFollower(venue="gemini", symbol="BTC-USD", sampling_us=10 * SECOND_US)
    seconds = [NOW + n * SECOND_US for n in (0, 10)]
    moments = follow(
        follower,
        book(0, ahead, 99, stamped=NOW),
        measure(0, ahead, 0, stamped=NOW),
        book(1, seconds[0], 10),
        measure(1, seconds[0], 1),
        book(2, seconds[1], 20),
        measure(2, seconds[1], 2),
    )
    assert moments == [(0, 10), (10, 20)]


@pytest.mark.parametrize("ahead", AHEAD[:2])
def test_an_average_of_the_future_makes_no_later_one_a_repeat(ahead: int) -> None:
    follower = AverageFollower(
        AverageSignals(symbol="BTC-USD", window_us=60 * SECOND_US),
        venue="gemini",
        symbol="BTC-USD",
        end_offsets=lambda: {(Topic.BOOK, 0): 10**6},
        depth=None,
    )
    mean = {"type": "average_price", "venue": "suppliers"}
    moments = follow(
        follower,
        book(0, NOW + SECOND_US, 10),
        signal(0, ahead, stamped=NOW, **mean),
        signal(1, NOW + 60 * SECOND_US, **mean),
        book(1, NOW + 61 * SECOND_US, 20),
    )
    assert moments == [(60, 10)]


@pytest.mark.parametrize("stamp", [-1000, 0, Y2099 + 400 * 24 * HOUR_US])
def test_a_stamp_that_is_none_bounds_no_receipt(stamp: int) -> None:
    assert believed_receipt(NOW, stamp) == NOW
    assert believed_receipt(NOW, NOW - HOUR_US) == NOW - HOUR_US
