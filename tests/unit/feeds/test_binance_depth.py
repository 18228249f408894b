"""Binance's book: updates chained to the snapshot that REST gives, as the venue documents it."""

import asyncio
import json
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from include.errors import RejectedFrame
from include.market.events import BookChange, LedgerEntry, Message, Top
from include.settings import load
from streaming.feeds.decoding import DecodedFrame, PageRequest
from streaming.feeds.registry import stream_specs
from streaming.feeds.venues.binance.decoder import BinanceDecoder
from tests.support.feed_world import world
from tests.support.venue_frames import AT_MS, AT_US, decode, text
from tests.support.virtual_time import in_virtual_time

D = Decimal
URL = "http://rest/api/v3/depth?symbol=BTCUSDT&limit=5000"


def decoder() -> BinanceDecoder:
    return BinanceDecoder(symbols=("BTC-USDT",), conn="c", rest_url="http://rest")


def update(first: int, last: int, bids: Any = (), asks: Any = (), **fields: Any) -> bytes:
    depth = {"e": "depthUpdate", "E": AT_MS, "s": "BTCUSDT", "U": first, "u": last}
    return text({"stream": "btcusdt@depth@100ms", "data": depth | {"b": bids, "a": asks} | fields})


def snapshot(last: int, bids: Any = (), asks: Any = ()) -> bytes:
    page = json.dumps({"lastUpdateId": last, "bids": bids, "asks": asks}, indent=1).encode()
    return PageRequest(URL, "btcusdt@depthSnapshot").frame(page)


def take(one: BinanceDecoder, *frames: bytes) -> list[DecodedFrame]:
    return [decode(one, data) for data in frames]


def books(decoded: list[DecodedFrame]) -> list[Message]:
    return [message for one in decoded for message in one.messages if message.kind == "book"]


def entries(decoded: list[DecodedFrame]) -> list[tuple[str, str]]:
    return [
        (event.entry, event.cause)
        for one in decoded
        for message in one.messages
        for event in message.events
        if isinstance(event, LedgerEntry)
    ]


def levels(message: Message) -> list[tuple[str, str, str]]:
    changes = [event for event in message.events if isinstance(event, BookChange)]
    return [(one.side, str(one.price), str(one.remaining)) for one in changes]


def test_the_first_update_asks_for_a_snapshot_once_and_has_no_top() -> None:
    first, second = take(decoder(), update(5, 7, [["10", "1"]]), update(8, 8, [["11", "2"]]))
    assert first.requests == (PageRequest(URL, "btcusdt@depthSnapshot"),) and not second.requests
    (message,) = first.messages
    assert (message.seq, message.venue_time, message.top) == ((5, 7), AT_US, None)
    assert message.events == (BookChange("bid", D(10), D(1), None, None, 7),)


def test_a_snapshot_is_published_with_what_came_after_it() -> None:
    before = (update(5, 7, [["10", "1"]]), update(8, 9, [["9", "3"]], [["12", "0"], ["13", "4"]]))
    page = snapshot(7, [["10", "5"], ["8", "6"]], [["12", "7"]])
    decoded = take(decoder(), *before, page, update(10, 12, [["10", "0"]]))
    *_, whole, after = books(decoded)
    assert (whole.seq, whole.venue_time) == ((7, 9), None)
    assert levels(whole) == [
        ("bid", "10", "5"),  # the update 5 to 7 is in the snapshot already
        ("bid", "8", "6"),
        ("bid", "9", "3"),
        ("ask", "13", "4"),
    ]
    assert {event.reason for event in whole.events} == {"initial"}  # type: ignore[union-attr]
    assert whole.top == Top(D(10), D(5), D(13), D(4))
    assert after.top == Top(D(9), D(3), D(13), D(4)) and not entries(decoded)


@pytest.mark.parametrize(("last", "is_whole"), [(3, False), (4, True), (5, True), (7, True)])
def test_a_snapshot_older_than_the_first_update_is_fetched_again(
    last: int, *, is_whole: bool
) -> None:
    page = snapshot(last, [["8", "6"]], [["12", "7"]])
    decoded = take(decoder(), update(5, 7, [["10", "1"]]), page)[-1]
    assert bool(decoded.messages) == is_whole
    again = () if is_whole else (PageRequest(URL, "btcusdt@depthSnapshot", 1.0),)
    assert decoded.requests == again


def test_updates_that_a_newer_snapshot_has_are_left_out_and_the_next_must_follow_it() -> None:
    page = snapshot(20, [["8", "6"]], [["12", "7"]])
    one = decoder()
    decoded = take(one, update(5, 7, [["10", "1"]]), page, update(8, 15, [["10", "9"]]))
    assert books(decoded)[1].seq == (20, 20) and len(books(decoded)) == 2
    (spanning,) = take(one, update(16, 22, [["11", "2"]]))
    assert spanning.messages[0].top == Top(D(11), D(2), D(12), D(7)) and not entries([spanning])
    other = decoder()
    take(other, update(5, 7), page)
    assert entries(take(other, update(22, 23))) == [("gap", "broken_chain")]


def test_a_hole_is_a_row_and_the_book_invalid_until_a_new_snapshot() -> None:
    page, one = snapshot(7, [["8", "6"]], [["12", "7"]]), decoder()
    take(one, update(5, 7), page)
    broken, waiting = take(one, update(9, 9, [["9", "1"]]), update(10, 10, [["9", "2"]]))
    gap = LedgerEntry("gap", "broken_chain", detail="update 9 where 8 was due")
    assert broken.messages[0].events == (gap,)
    assert [message.top for message in books([broken, waiting])] == [None, None]
    assert broken.requests == (PageRequest(URL, "btcusdt@depthSnapshot"),)
    decoded = take(one, snapshot(9, [["9", "1"]], [["13", "7"]]))
    assert entries(decoded) == [("recovered", "snapshot")]
    assert books(decoded)[0].top == Top(D(9), D(2), D(13), D(7))


def test_what_is_repeated_is_left_out_and_numbers_that_fall_are_a_new_beginning() -> None:
    one = decoder()
    take(one, update(5, 7), snapshot(7, [["8", "6"]], [["12", "7"]]))
    follow = update(8, 9, [["9", "1"]])
    assert len(books(take(one, follow, follow))) == 1 and one.ignored["repeated"] == 1
    again = take(one, update(1, 2, [["9", "1"]]))
    assert entries(again) == [("renumbered", "begins_again")] and again[0].requests
    assert books(again)[0].top is None


@pytest.mark.parametrize("page", [b"{}", b"<html>", b'{"lastUpdateId":9,"bids":[["-1","1"]]}', b""])
def test_a_page_that_is_no_snapshot_is_rejected_and_another_asked_for(page: bytes) -> None:
    one = decoder()
    take(one, update(5, 7))
    decoded = decode(one, PageRequest(URL, "btcusdt@depthSnapshot").frame(page))
    assert len(decoded.rejected) == 1
    assert decoded.requests == (PageRequest(URL, "btcusdt@depthSnapshot", 30.0),)
    assert books(take(one, snapshot(7, [["8", "6"]], [["12", "7"]])))[0].top is not None


def test_a_snapshot_that_no_column_holds_is_not_asked_for_again() -> None:
    one = decoder()
    take(one, update(5, 7))
    with pytest.raises(RejectedFrame, match="too_fine"):
        take(one, snapshot(7, [["0.123456789", "1"]]))
    assert not take(one, update(8, 9))[0].requests


def test_an_update_with_a_bad_level_is_rejected_whole_and_shows_as_a_hole() -> None:
    one = decoder()
    take(one, update(5, 7), snapshot(7, [["8", "6"]], [["12", "7"]]))
    with pytest.raises(RejectedFrame):
        take(one, update(8, 8, [["9", "NaN"]]))
    assert entries(take(one, update(9, 9))) == [("gap", "broken_chain")]


def test_any_order_of_updates_and_snapshot_gives_the_venues_book() -> None:
    """A dictionary that takes every change is the oracle; the snapshot is taken at any update."""
    for seed in range(60):
        rng, model, states, frames = random.Random(seed), dict[tuple[str, int], int](), [], []
        number = 1
        for _ in range(rng.randint(2, 25)):
            step = rng.randint(1, 3)
            changes = {(rng.choice("ba"), rng.randint(1, 6)): rng.randint(0, 3) for _ in range(3)}
            model |= changes
            sides = {s: [[str(p), str(q)] for (o, p), q in changes.items() if o == s] for s in "ba"}
            frames.append(update(number, number + step - 1, sides["b"], sides["a"]))
            number += step
            states.append((number - 1, {key: q for key, q in model.items() if q}))
        at = rng.randrange(len(frames))
        last, state = states[rng.randint(max(at - 3, 0), len(states) - 1)]
        page = snapshot(
            last, *([[str(p), str(q)] for (o, p), q in state.items() if o == s] for s in "ba")
        )
        ours: dict[tuple[str, int], int] = {}
        decoded = take(decoder(), *frames[: at + 1], page, *frames[at + 1 :])
        assert not entries(decoded), seed
        for message in books(decoded):
            if any(event.reason == "initial" for event in message.events):  # type: ignore[union-attr]
                ours.clear()
            for side, price, quantity in levels(message):
                ours[side[0], int(price)] = int(quantity)
        final = {(side, price): q for (side, price), q in ours.items() if q}
        assert final == states[-1][1] | {}, seed


@pytest.mark.parametrize(
    ("book", "stream"), [("100ms", "depth@100ms"), ("1000ms", "depth"), ("best", "bookTicker")]
)
def test_the_setting_says_which_book_is_followed(book: str, stream: str) -> None:
    venues = load({"TICKHOUSE_VENUES_BINANCE_BOOK": book}).venues
    (spec,) = stream_specs("binance", venues=venues, symbols=("BTC-USDT",))
    (subscribe,) = spec.subscribe
    assert json.loads(subscribe)["params"] == [
        "btcusdt@aggTrade",
        "btcusdt@ticker",
        f"btcusdt@{stream}",
    ]


def test_a_feed_fetches_its_book_and_after_a_refusal_asks_again(tmp_path: Path) -> None:
    async def story() -> None:
        refusal = {"fault": "answer", "path": "/api/v3/depth", "status": 503, "times": 2}
        async with world("binance", refusal, tmp=tmp_path) as found:
            await asyncio.sleep(2)
            assert all(one.top is None for one in found.of("book"))
            await asyncio.sleep(90)
            assert await found.struck() == [2]
            tops = [one.top for one in found.of("book")]
            assert tops[-1] is not None and found.causes("connect") == ["start"]
            (whole,) = [one for one in found.of("book") if one.venue_time is None]
            assert len(whole.events) == 1000

    in_virtual_time(story())
