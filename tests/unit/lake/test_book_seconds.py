"""One-second bars of the book: what `book_at` has at each second's end, none where it refuses."""

import random
from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from include.errors import NoBook
from include.lake import book_seconds
from include.lake.book_at import book_at
from include.lake.book_checkpoints import BookCheckpoints
from include.lake.book_seconds import BookSeconds, make_bars
from include.market.book_seconds import SortedBook
from include.market.events import INITIAL, BookChange, LedgerEntry, Message, Top
from include.market.time import SECOND_US, from_epoch_us, to_epoch_us
from include.market.venues import SNAPSHOT
from tests.support.lake_of_rows import at
from tests.support.landed_messages import land_messages, tell

D = Decimal
NOON = at("12:00")
NOON_US = to_epoch_us(NOON)
QUARTER = timedelta(minutes=15)
SYMBOL = "BTC-USD"
Levels = dict[tuple[str, int], int]


def quote(price: int, quantity: int) -> Any:
    return ("bid" if price < 100 else "ask"), D(price), D(quantity)


def top_of(levels: Levels) -> Top | None:
    bids = [price for side, price in levels if side == "bid"]
    asks = [price for side, price in levels if side == "ask"]
    if not bids or not asks:
        return None
    bid, ask = max(bids), min(asks)
    return Top(D(bid), D(levels["bid", bid]), D(ask), D(levels["ask", ask]))


class Feed:
    """A feed of one symbol that connects, sends, loses messages, falls silent, and dies."""

    def __init__(self, chance: random.Random) -> None:
        self._chance, self.messages = chance, list[Message]()
        self._levels: Levels = {}
        self._conn, self._seq, self._has_book = "", 0, False

    def run(self, seconds: int) -> list[Message]:
        time_us, end_us = NOON_US, NOON_US + seconds * SECOND_US
        self.connect(time_us)
        while time_us < end_us:
            time_us += int(self._chance.expovariate(1.5) * SECOND_US) + 1
            fate = self._chance.random()
            if fate < 0.004:
                self.tell("disconnect", time_us, cause="closed")
                time_us += self._chance.choice([1, 20]) * SECOND_US
                self.connect(time_us)
            elif fate < 0.008:
                self.gap(time_us)
            elif fate < 0.012:
                self.tell("stale", time_us, cause="no messages")
                time_us += 8 * SECOND_US
                self.tell("recovered", time_us, cause="messages")
            elif fate < 0.0125:
                time_us += 400 * SECOND_US  # nothing is heard, and nothing is said of it
            elif not self._has_book:
                self.snapshot(time_us)
            else:
                self.change(time_us)
        return self.messages

    def tell(self, entry: str, time_us: int, *, cause: str = "start") -> None:
        message = Message("gemini", SYMBOL, "book", self._conn, None, None, time_us, ())
        self.messages.append(tell(message, entry, at_us=time_us, cause=cause))

    def connect(self, time_us: int) -> None:
        self._conn, self._has_book, self._levels = f"c{len(self.messages)}", False, {}
        self.tell("connect", time_us, cause="reconnect" if self.messages else "start")

    def gap(self, time_us: int) -> None:
        entry = LedgerEntry("gap", "missing", 3, 4)
        self.messages.append(
            Message("gemini", SYMBOL, "ledger", self._conn, (5, 5), None, time_us, (entry,))
        )
        self._has_book = False

    def send(self, time_us: int, changes: tuple[BookChange, ...]) -> None:
        self._seq += 1
        seq, top = (self._seq, self._seq), top_of(self._levels)
        self.messages.append(
            Message("gemini", SYMBOL, "book", self._conn, seq, None, time_us, changes, top)
        )

    def snapshot(self, time_us: int) -> None:
        prices = self._chance.sample([*range(90, 100), *range(101, 111)], 14)
        self._levels = {
            ("bid" if p < 100 else "ask", p): self._chance.randrange(1, 9) for p in prices
        }
        if self.messages[-1].kind == "ledger":
            self.tell("recovered", time_us, cause=SNAPSHOT)
        changes = [
            BookChange(side, D(price), D(quantity), reason=INITIAL)  # type: ignore[arg-type]
            for (side, price), quantity in self._levels.items()
        ]
        self.send(time_us, tuple(changes))
        self._has_book = True

    def change(self, time_us: int) -> None:
        price = self._chance.choice([*range(90, 100), *range(101, 111)])
        side, _, quantity = quote(price, self._chance.randrange(4))
        self._levels.pop((side, price), None)
        if quantity:
            self._levels[side, price] = int(quantity)
        self.send(time_us, (BookChange(side, D(price), quantity),))


def ask_at(lake: str, seconds: Iterable[int]) -> dict[int, tuple[Decimal, ...]]:
    """Best prices, spread and depths by second, each counted from the whole book of `book_at`."""
    found = {}
    for second in seconds:
        try:
            book = book_at(lake, "gemini", SYMBOL, NOON + timedelta(seconds=second))
        except NoBook:
            continue
        top = book.top()
        if top is None:
            continue
        middle = (top.bid + top.ask) / 2
        low, high = middle * D("0.999"), middle * D("1.001")
        bid_depth = sum(quantity for price, quantity in book.bids if price >= low)
        ask_depth = sum(quantity for price, quantity in book.asks if price <= high)
        numbers = (top.bid, top.ask, top.ask - top.bid, D(bid_depth), D(ask_depth))
        found[NOON_US + second * SECOND_US] = numbers
    return found


def find_bars(lake: str, seconds: int) -> dict[int, tuple[Decimal, ...]]:
    bars = make_bars(lake, "gemini", SYMBOL, NOON, NOON + timedelta(seconds=seconds))
    return {
        end_us: (bar.bid, bar.ask, bar.spread, bar.bid_depth, bar.ask_depth)
        for end_us, _, bar in bars
    }


@pytest.mark.parametrize("seed", range(8))
def test_a_second_has_the_book_of_its_end(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    messages = Feed(chance).run(700)
    land_messages(tmp_path, messages)
    bars = find_bars(str(tmp_path), 600)
    assert 0 < len(bars) < 600
    eventful = [
        (one.received_time - NOON_US) // SECOND_US + after
        for one in messages
        if one.kind == "ledger"
        for after in (0, 1, 2)
    ]
    seconds = sorted({*chance.sample(range(1, 601), 12), *chance.sample(eventful, 12)} - {0})
    seconds = [second for second in seconds if second <= 600]
    asked = ask_at(str(tmp_path), seconds)
    ends = [NOON_US + second * SECOND_US for second in seconds]
    assert {end_us: bars[end_us] for end_us in ends if end_us in bars} == asked


def test_a_quarter_in_the_middle_is_the_same_as_of_a_whole(tmp_path: Path) -> None:
    messages = Feed(random.Random(3)).run(2400)
    land_messages(tmp_path, messages)
    bars = make_bars(str(tmp_path), "gemini", SYMBOL, NOON + QUARTER, NOON + 2 * QUARTER)
    found = {end_us: bar.spread for end_us, _, bar in bars}
    seconds = [901, 902, *range(920, 1801, 40)]
    asked = ask_at(str(tmp_path), seconds)
    ends = {NOON_US + second * SECOND_US for second in seconds}
    assert {end_us: found[end_us] for end_us in ends & found.keys()} == {
        end_us: numbers[2] for end_us, numbers in asked.items()
    }


def test_an_hour_without_faults_asks_for_few_whole_books(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = Feed(random.Random(1))
    feed.connect(NOON_US)
    feed.snapshot(NOON_US + SECOND_US)
    for tenth in range(20, 9_000, 5):
        feed.change(NOON_US + tenth * SECOND_US // 10)
    land_messages(tmp_path, feed.messages)
    asked = []
    monkeypatch.setattr(
        book_seconds, "book_at", lambda *words: asked.append(words) or book_at(*words)
    )
    assert len(find_bars(str(tmp_path), 890)) == 890
    assert len(asked) < 6


def test_bars_are_added_once_and_when_nothing_can_change_them(tmp_path: Path) -> None:
    feed, offsets = Feed(random.Random(2)), dict[str, int]()
    feed.connect(NOON_US)
    feed.snapshot(NOON_US + SECOND_US // 2)
    for second in range(1, 1199):
        feed.change(NOON_US + second * SECOND_US)
    land_messages(tmp_path, feed.messages, offsets)
    seconds = BookSeconds(str(tmp_path))
    assert seconds.add() == 0  # the lake does not reach five minutes beyond the quarter
    landed = len(feed.messages)
    feed.change(NOON_US + 1300 * SECOND_US)
    land_messages(tmp_path, feed.messages[landed:], offsets)
    assert (seconds.add(), seconds.add()) == (900, 0)
    BookCheckpoints(str(tmp_path)).add()
    again = BookSeconds(str(tmp_path))
    again.add()
    rows = DeltaTable(str(tmp_path / "book_seconds")).to_pyarrow_table()
    assert rows.num_rows == 900
    times = rows["second"].to_pylist()
    assert sorted(times) == [NOON + timedelta(seconds=second) for second in range(900)]
    first = rows.filter(pc_equal(rows, NOON)).to_pylist()[0]
    assert (first["venue"], first["symbol"]) == ("gemini", SYMBOL)
    assert first["changes"] == 15  # the snapshot's 14 levels, and the change at the second's end
    assert sum(rows["changes"].to_pylist()) == 14 + 900


def pc_equal(rows: Any, moment_at: Any) -> Any:
    import pyarrow.compute as pc

    return pc.equal(rows["second"], moment_at)


def test_a_bar_by_hand() -> None:
    book = SortedBook([(D(999), D(3)), (D("998.5"), D(4)), (D(900), D(9))], [(D(1001), D(1))])
    bar = book.measure()
    assert bar is not None
    assert (bar.bid, bar.bid_quantity, bar.ask, bar.ask_quantity) == (999, 3, 1001, 1)
    assert (bar.spread, bar.bid_depth, bar.ask_depth) == (2, 3, 1)  # mid 1000, 10 bps: 999 to 1001
    assert (bar.imbalance, bar.microprice) == (0.5, (999 * 1 + 1001 * 3) / 4)
    book.apply("bid", D(1002), D(1), order=5)
    assert book.measure() is None  # crossed
    book.apply("bid", D(1002), D(0), order=6)
    book.apply("bid", D(1002), D(2), order=4)  # came late
    assert book.measure() == bar
    assert SortedBook([], [(D(1), D(1))]).measure() is None


def test_a_lake_without_books_has_no_bars(tmp_path: Path) -> None:
    assert BookSeconds(str(tmp_path)).add() == 0
    assert list(make_bars(str(tmp_path), "gemini", SYMBOL, NOON, NOON + QUARTER)) == []
    assert from_epoch_us(NOON_US) == NOON
