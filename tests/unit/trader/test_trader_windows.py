"""Which top a window ended with, and from where a restart sees the same."""

import json
from collections.abc import Iterable
from decimal import Decimal as D

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from include.bus import Record
from include.market import wire
from include.market.events import BookChange, Decision, Message, Top
from include.market.wire import Topic
from include.trading import paper
from include.trading.account import Account
from include.trading.decision import order_for
from include.trading.inputs import RecordId, read
from include.trading.strategy import Strategy
from streaming.trader.followers import windows
from streaming.trader.followers.depth import Depth
from streaming.trader.followers.window_signals import WindowSignals
from streaming.trader.followers.windows import WindowFollower
from tests.support.trading_parameters import PARAMETERS as SHARED

KEY = b"gemini|BTC-USD"
S = 1_000_000


def top(bid: int) -> Top:
    return Top(bid=D(bid), bid_quantity=D(1), ask=D(bid + 1), ask_quantity=D(1))


BOTH = tuple(
    BookChange(side=side, price=D(1), remaining=D(1))  # type: ignore[arg-type]
    for side in ("bid", "ask")
)


def book(
    offset: int,
    venue_time: int | None,
    bid: int | None,
    *,
    key: bytes = KEY,
    received: int | None = None,
) -> Record:
    seen = top(bid) if bid else None
    received = venue_time or 0 if received is None else received
    message = Message("gemini", "BTC-USD", "book", "c", None, venue_time, received, BOTH, seen)
    return Record(Topic.BOOK, 0, offset, 0, key, wire.encode(message))


def signal(offset: int, end: int, *, value: object = "1.5", kind: str = "price_volume") -> Record:
    body = {
        "v": 1,
        "venue": "gemini",
        "symbol": "BTC-USD",
        "type": kind,
        "value": value,
        "timestamp": end,
        "window_start": end - 60 * S,
    }
    return Record(Topic.SIGNALS, 0, offset, 0, KEY, json.dumps(body).encode())


def market(
    *records: Record, end: int = 10**6, depth: Depth | None = None, last_window: int = -1
) -> WindowFollower:
    signals = WindowSignals(
        venue="gemini",
        symbol="BTC-USD",
        window_us=60 * S,
        delay_us=10 * S,
        last_window=last_window,
    )
    found = WindowFollower(
        signals, key=KEY, end_offsets=lambda: {(Topic.BOOK, 0): end}, depth=depth
    )
    for record in records:
        found.take(record)
    return found


READ = {(Topic.BOOK, 0): 10, (Topic.SIGNALS, 0): 10}


def bid_of(found: WindowFollower) -> object:
    got = found.next(READ)
    return got.top.best.bid if got and got.top and got.top.best else got and got.top


def test_the_last_top_at_or_before_the_windows_end_counts() -> None:
    found = market(
        book(0, 59 * S, 1), book(1, 60 * S, 2), book(2, 60 * S + 1, 3), signal(0, 60 * S)
    )
    assert bid_of(found) == 2
    assert found.next(READ) is None


def test_a_signal_waits_until_the_book_is_past_its_window() -> None:
    found = market(book(0, 59 * S, 1), signal(0, 60 * S))
    assert found.next(READ) is None
    found.take(book(1, 60 * S, 2))
    assert found.next(READ) is None
    found.take(book(2, 61 * S, 3))
    assert bid_of(found) == 2


def test_a_signal_waits_no_longer_than_to_the_end_of_the_topic() -> None:
    found = market(book(0, 59 * S, 1), signal(0, 60 * S), end=1)
    assert found.next({(Topic.BOOK, 0): 0}) is None
    assert bid_of(found) == 1


@pytest.mark.parametrize("ahead_s", [3, 10, 50])
def test_a_top_of_a_wrong_time_hides_no_later_one_and_ends_no_window(ahead_s: int) -> None:
    odd = book(1, (58 + ahead_s) * S, 2, received=58 * S)
    found = market(book(0, 57 * S, 1), odd, book(2, 59 * S, 3), signal(0, 60 * S))
    assert found.next(READ) is None
    found.take(book(3, 60 * S + 1, 4))
    assert bid_of(found) == 3
    # of a venue whose clock is ahead for good the top is that of the window's end by its clock
    ahead = [book(n, (n + 50) * S, n, received=(n + 50 - ahead_s) * S) for n in range(1, 80)]
    assert bid_of(market(*ahead, signal(0, 60 * S))) == 10


def test_a_wrong_time_does_not_make_a_window_silent() -> None:
    found = market(flow(0, 59 * S, ("bid",)), signal(0, 60 * S), flow(1, 61 * S, ()), end=2)
    assert bid_of(found) == 100
    found.take(flow(2, 140 * S, (), received=90 * S))
    assert found.next(READ) is None
    found.take(flow(3, 131 * S, ()))
    silent = found.next(READ)
    assert silent and silent.top and silent.top.best
    assert (silent.signal.type, silent.top.best.bid) == ("silent", 101)


def test_an_invalid_book_and_no_book_are_distinguished() -> None:
    invalid = market(book(0, 58 * S, 1), book(1, 59 * S, None), signal(0, 60 * S), end=0)
    got = invalid.next(READ)
    assert got is not None
    assert got.top is not None
    assert got.top.best is None
    assert bid_of(market(signal(0, 60 * S), end=0)) is None


def test_snapshots_without_time_other_symbols_and_times_gone_back_are_left_out() -> None:
    found = market(
        book(0, 58 * S, 1),
        book(1, None, 9),
        book(2, 57 * S, 8),
        book(3, 59 * S, 7, key=b"x|y"),
        signal(0, 60 * S),
        end=0,
    )
    assert bid_of(found) == 1


def test_junk_is_counted_and_bids_and_asks_are_only_noted() -> None:
    found = market(
        Record(Topic.SIGNALS, 0, 0, 0, KEY, b"junk"),
        Record(Topic.BOOK, 0, 0, 0, KEY, b"\xff{"),
        signal(1, 60 * S, value="NaN"),
        signal(2, 60 * S, value="-1"),
        signal(3, 60 * S, value="1e30"),
        signal(4, 60 * S, kind="bid"),
        signal(5, 60 * S, kind="ask"),
        book(1, 60 * S, 10**13),
        end=0,
    )
    assert found.next(READ) is None
    assert found.unreadable == 6


def test_a_restart_sees_the_top_used_and_the_signals_left() -> None:
    found = market(
        book(3, 58 * S, 1),
        book(4, 59 * S, 2),
        book(5, 61 * S, 3),
        signal(7, 60 * S),
        signal(8, 120 * S),
    )
    assert found.resume_at(READ) == {(Topic.BOOK, 0): 3, (Topic.SIGNALS, 0): 7}
    got = found.next(READ)
    assert got is not None
    assert got.record_id == RecordId(Topic.SIGNALS, 0, 7)
    assert found.resume_at(READ) == {(Topic.BOOK, 0): 4, (Topic.SIGNALS, 0): 8}


class Sides:
    """Buys in even minutes, sells in odd ones."""

    forecast_id, trained_until, volatility = "f1", 0, 0.0

    def side_at(self, minute_us: int) -> str:
        return "sell" if minute_us // (60 * S) % 2 else "buy"

    def level_at(self, minute_us: int) -> None:
        return None

    def bounds_at(self, minute_us: int) -> None:
        return None


PARAMETERS = replace(SHARED, book_stale_us=40 * S)


TIMES = st.lists(
    st.tuples(st.integers(61 * S, 400 * S), st.one_of(st.none(), st.integers(90, 110))), max_size=40
)


def played(
    books: list[Record], signals: list[Record], cuts: list[int], *, slippage_bps: int = 0
) -> list[Decision]:
    """Decisions on the records as they interleave by `cuts`; 0 restarts from the journal."""
    topics: dict[str, list[Record]] = {Topic.BOOK: books, Topic.SIGNALS: signals}
    parameters = msgspec.structs.replace(PARAMETERS, slippage_bps=D(slippage_bps))

    def begin(last_window: int = -1) -> WindowFollower:
        depth = Depth(slippage_bps=D(slippage_bps)) if slippage_bps else None
        return market(end=len(books), depth=depth, last_window=last_window)

    found, trader = begin(), Strategy(parameters, Account(quote=D(1000)))
    at, saved = (
        {(Topic.BOOK, 0): 0, (Topic.SIGNALS, 0): 0},
        {(Topic.BOOK, 0): 0, (Topic.SIGNALS, 0): 0},
    )
    decisions: list[Decision] = []
    for cut in [*cuts, 10**6, -(10**6)]:
        if cut == 0:
            at, found = dict(saved), begin(trader.last_window)
            trader = Strategy(parameters, trader.account, last_window=trader.last_window)
        partition = (Topic.BOOK if cut > 0 else Topic.SIGNALS, 0)
        batch = topics[partition[0]][at[partition] : at[partition] + abs(cut)]
        at[partition] += len(batch)
        for record in batch:
            found.take(record)
        while got := found.next(at):
            one, where, top = got
            decisions.append(trader.decide(one, forecast=Sides(), top=top, record_id=where))  # type: ignore[arg-type]
            if order := order_for(decisions[-1], broker="paper"):
                trader.settle(*paper.fill(order, top.best if top else None, fee_bps=D(40)))
            saved = found.resume_at(at)
    return decisions


def ratios(times: Iterable[int]) -> list[Record]:
    """A ratio of each window that has one of these times."""
    ends = sorted({at - at % (60 * S) + 60 * S for at in times})
    return [signal(n, end) for n, end in enumerate(ends)]


@settings(deadline=None)
@given(TIMES, st.lists(st.integers(-2, 5), max_size=30))
def test_restarts_and_the_pace_of_the_topics_change_no_decision(
    times: list[tuple[int, int | None]], cuts: list[int]
) -> None:
    books = [book(n, *one) for n, one in enumerate(sorted(times, key=lambda one: one[0]))]
    signals = ratios(at for at, _ in times)
    assert played(books, signals, cuts) == played(books, signals, [])


CHANGES = st.lists(
    st.tuples(st.integers(0, 400 * S), st.sampled_from([(), ("bid",), ("ask",), ("bid", "ask")])),
    max_size=12,
)


def flow(offset: int, at: int, sides: tuple[str, ...], *, received: int | None = None) -> Record:
    changes = tuple(
        BookChange(side=side, price=D(100), remaining=D(1), reason="place")  # type: ignore[arg-type]
        for side in sides
    )
    conn = "a" if at < 200 * S else "b"
    received = at if received is None else received
    best = top(100 + offset)
    message = Message("gemini", "BTC-USD", "book", conn, None, at, received, changes, best)
    return Record(Topic.BOOK, 0, offset, 0, KEY, wire.encode(message))


def sent(frames: list[tuple[int, tuple[str, ...]]]) -> list[tuple[int, str]]:
    """End and type of what a stream sends of these: each window closed ten seconds after it."""
    found, newest = [], max((at for at, _ in frames), default=0)
    for start in range(0, 420 * S, 60 * S):
        if newest < start + 70 * S:
            break
        sides = {side for at, sides in frames if start <= at < start + 60 * S for side in sides}
        kinds = [*sorted(sides, reverse=True), *(["price_volume"] if len(sides) == 2 else [])]
        found += [(start + 60 * S, kind) for kind in kinds]
    return found


@settings(deadline=None, max_examples=300)
@given(CHANGES, st.lists(st.sampled_from([-2, -1, 0, 1, 2]), max_size=25))
def test_windows_of_one_side_or_none_are_decided_once_whatever_comes_first(
    frames: list[tuple[int, tuple[str, ...]]], cuts: list[int]
) -> None:
    frames = sorted(frames)
    books = [flow(n, *one) for n, one in enumerate(frames)]
    closed = sent(frames)
    signals = [signal(n, end, kind=kind) for n, (end, kind) in enumerate(closed)]
    decisions = played(books, signals, cuts)
    assert decisions == played(books, signals, [])
    starts = [decision.window_start for decision in decisions]
    ends = sorted({end for end, _ in closed})
    newest = max((at for at, _ in frames), default=0)
    expected = [] if not ends else list(range(ends[0] - 60 * S, newest - 70 * S + 1, 60 * S))
    assert starts == expected
    of_window = {end - 60 * S: {kind for e, kind in closed if e == end} for end in ends}
    for decision in decisions:
        kinds = of_window.get(decision.window_start, set())
        best = next((k for k in ("price_volume", "bid", "ask") if k in kinds), "silent")
        assert read(decision.inputs).signal.type == best
        assert (decision.ratio is None) == (best != "price_volume")


LEVELS = st.tuples(
    st.sampled_from(["bid", "ask"]),
    st.integers(0, 2),
    st.integers(0, 3),
    st.sampled_from([0, 1, 2, 2, 2, 2, 2]),
)
FRAMES = st.lists(st.tuples(st.integers(0, 400 * S), LEVELS), min_size=10, max_size=40)
CUTS = st.lists(st.sampled_from([-2, -1, 0, 0, 1, 3, 8]), min_size=10, max_size=30)


def deep(offset: int, at: int, level: tuple[str, int, int, int]) -> Record:
    """A change of a level; seldom a snapshot with that level alone, or the book turned invalid."""
    side, away, remaining, chance = level
    snapshot, lost = chance == 0, chance == 1
    price = D(100 - away) if side == "bid" else D(101 + away)
    change = BookChange(
        side=side,  # type: ignore[arg-type]
        price=price,
        remaining=D(remaining),
        reason="initial" if snapshot else "place",
    )
    message = Message(
        "gemini",
        "BTC-USD",
        "book",
        "c",
        None,
        None if snapshot else at,
        at,
        (change,),
        None if lost else top(100),
    )
    return Record(Topic.BOOK, 0, offset, 0, KEY, wire.encode(message))


@settings(deadline=None, max_examples=300)
@given(FRAMES, CUTS)
def test_a_restart_knows_the_levels_that_a_trader_never_killed_would_know(
    frames: list[tuple[int, tuple[str, int, int, int]]], cuts: list[int]
) -> None:
    books = [deep(n, *one) for n, one in enumerate(sorted(frames))]
    signals = ratios(at for at, level in frames if level[3])
    assert played(books, signals, cuts, slippage_bps=300) == played(
        books, signals, [], slippage_bps=300
    )


def test_a_restart_goes_back_to_the_snapshot_that_the_levels_build_on() -> None:
    level = ("bid", 1, 2, 5)
    frames = [deep(3, 0, (*level[:3], 0)), deep(4, 59 * S, level), deep(5, 61 * S, level)]
    later = [deep(6, 0, (*level[:3], 0)), deep(7, 90 * S, level)]
    found = market(*frames, *later, signal(7, 60 * S), end=8, depth=Depth(slippage_bps=D(300)))
    got = found.next(READ)
    assert got is not None and got.top is not None
    assert got.top.bids == ((D(99), D(2)),)
    assert found.resume_at(READ) == {(Topic.BOOK, 0): 3, (Topic.SIGNALS, 0): 10}
    found.take(signal(8, 120 * S))
    assert found.next(READ) is not None
    assert found.resume_at(READ)[Topic.BOOK, 0] == 6


def test_tops_without_a_signal_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "MAX_TOPS", 5)
    follower = market(*[book(n, n * S, 100 + n) for n in range(1, 9)])
    assert len(follower._tops) == 5
    assert follower.resume_at(READ)[Topic.BOOK, 0] == 3  # the one before the five that are kept
    follower.take(signal(0, 3 * S))
    moment = follower.next(READ)
    assert moment is not None
    assert moment.top is not None
    assert moment.top.best == top(103)
    follower.take(signal(1, 4 * S))
    assert follower.next(READ).top.best == top(104)  # type: ignore[union-attr]
