"""Numbers of trades that begin again, leap ahead or come late: reported, and no trade dropped."""

from pathlib import Path

import pytest

from include.market import wire
from include.market.events import LedgerEntry, Message, Trade
from streaming.feeds.last_trade_ids import LastTradeIds
from streaming.feeds.newest_number import NewestNumber
from streaming.feeds.rising_ids import RisingIds
from streaming.feeds.trade_sequence import ContiguousTrades
from streaming.feeds.venues.binance.decoder import BinanceDecoder
from streaming.feeds.venues.deribit.decoder import DeribitDecoder
from streaming.feeds.venues.gemini.current import GeminiCurrentDecoder
from streaming.feeds.venues.gemini.v1 import GeminiV1Decoder
from streaming.feeds.venues.gemini.v2 import GeminiV2Decoder
from tests.support.venue_frames import (
    AT_MS,
    AT_US,
    best_prices,
    binance_trade,
    current_depth,
    current_trade,
    decode,
    deribit_picture,
    deribit_trades,
    v1_trade,
    v2_trade,
    v2_update,
)

HUGE = 2**63 - 1
VENUES = ("binance", "deribit", "gemini v1", "gemini v2", "gemini current")
SYMBOL = {"binance": "BTC-USDT", "deribit": "BTC-PERPETUAL"}


class Feed:
    """A decoder of a venue that is given trades by their numbers."""

    def __init__(self, venue: str, last_ids: dict[str, int] | None = None) -> None:
        self.venue, self.frames = venue, 0
        self.symbol = SYMBOL.get(venue, "BTC-USD")
        self.last_ids = {} if last_ids is None else last_ids
        self.connect()

    def connect(self) -> None:
        ids = self.last_ids
        self.frames = 0
        self.decoder = {
            "binance": lambda: BinanceDecoder(symbols=(self.symbol,), conn="c", last_ids=ids),
            "deribit": lambda: DeribitDecoder(
                instruments={self.symbol: self.symbol}, conn="c", last_ids=ids
            ),
            "gemini v1": lambda: GeminiV1Decoder(symbol=self.symbol, conn="c", last_ids=ids),
            "gemini v2": lambda: GeminiV2Decoder(symbols=(self.symbol,), conn="c", last_ids=ids),
            "gemini current": lambda: GeminiCurrentDecoder(
                symbols=(self.symbol,), conn="c", last_ids=ids
            ),
        }[self.venue]()
        if self.venue == "gemini v2":
            decode(self.decoder, v2_update(("buy", "99", "1"), ("sell", "101", "1")))

    def trade(self, number: int, at_us: int = AT_US) -> tuple[Message, ...]:
        ms = at_us // 1000
        frame = {
            "binance": lambda: binance_trade(number, ms=ms),
            "deribit": lambda: deribit_trades(number, ms=ms),
            "gemini v1": lambda: v1_trade(number, seq=self.frames, ms=ms),
            "gemini v2": lambda: v2_trade(number, ms=ms),
            "gemini current": lambda: current_trade(number, ns=at_us * 1000),
        }[self.venue]()
        self.frames += 1
        return decode(self.decoder, frame).messages

    def trades(self, *numbers: int) -> tuple[list[int], list[str]]:
        """The ids that are published of these numbers, and the entries of the ledger."""
        messages = [message for number in numbers for message in self.trade(number)]
        events = [event for message in messages for event in message.events]
        ids = [int(event.trade_id) for event in events if isinstance(event, Trade)]
        return ids, [event.entry for event in events if isinstance(event, LedgerEntry)]


@pytest.mark.parametrize("venue", VENUES)
def test_numbers_that_begin_again_are_published_and_reported(venue: str) -> None:
    feed = Feed(venue, {SYMBOL.get(venue, "BTC-USD"): 5000})
    ids, entries = feed.trades(5001, 0, 1, 2, 3)
    assert ids == [5001, 0, 1, 2, 3]
    assert [entry for entry in entries if entry != "gap"] == ["renumbered", "renumbered"]
    assert feed.last_ids[feed.symbol] == 3


@pytest.mark.parametrize("venue", VENUES)
def test_numbers_that_began_again_while_the_feed_was_down_are_published(venue: str) -> None:
    feed = Feed(venue, {SYMBOL.get(venue, "BTC-USD"): 1000})
    ids, entries = feed.trades(1, 2, 3, 4, 5)
    assert ids == [1, 2, 3, 4, 5] and entries == ["renumbered", "renumbered"]
    feed.connect()
    ids, entries = feed.trades(6, 7)
    assert ids == [6, 7] and "renumbered" not in entries


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize("wild", [9_000_000_000_000, HUGE])
def test_one_wild_number_is_reported_and_drops_nothing_after_it(venue: str, wild: int) -> None:
    feed = Feed(venue)
    ids, entries = feed.trades(14, 15, wild, 16, 17, 18)
    assert ids == [14, 15, wild, 16, 17, 18] and entries[0] == "jump"
    feed.connect()
    assert feed.trades(19, 20)[0] == [19, 20]
    assert feed.last_ids[feed.symbol] == 20


@pytest.mark.parametrize("venue", ["binance", "deribit"])
def test_a_jump_that_is_confirmed_is_a_gap_of_its_ends_alone(venue: str) -> None:
    feed = Feed(venue)
    feed.trade(10)
    (jump, _), (gap, _) = feed.trade(10**12), feed.trade(10**12 + 1)
    assert jump.events == (LedgerEntry("jump", "unconfirmed", 11, 10**12 - 1),)
    assert gap.events == (LedgerEntry("gap", "missing", 11, 10**12 - 1),)
    assert len(feed.last_ids) < 50


def test_what_the_older_of_two_connections_brings_late_is_published() -> None:
    ids = {"BTC-USDT": 1000}
    old, new = (BinanceDecoder(symbols=("BTC-USDT",), conn=c, last_ids=ids) for c in "ab")
    kinds = [message.kind for message in decode(new, binance_trade(1002)).messages]
    assert kinds == ["ledger", "trade"]
    (late,) = decode(old, binance_trade(1001)).messages
    assert late.seq == (1001, 1001)
    assert (
        decode(old, binance_trade(1001)).messages == () == decode(old, binance_trade(1002)).messages
    )
    assert [m.kind for m in decode(new, binance_trade(1003)).messages] == ["trade"]


def test_a_gap_that_the_older_connection_fills_is_closed_seconds_later() -> None:
    ids = {"BTC-USDT": 1000}
    old, new = (BinanceDecoder(symbols=("BTC-USDT",), conn=c, last_ids=ids) for c in "ab")
    decode(new, binance_trade(1004))
    late = [decode(old, binance_trade(number)).messages for number in (1002, 1001, 1003)]
    assert [[message.kind for message in messages] for messages in late] == [["trade"]] * 3
    # not with a trade of the same seconds: this one may be published before those that came late
    assert [m.kind for m in decode(new, binance_trade(1005, ms=AT_MS + 4_000)).messages] == [
        "trade"
    ]
    healed, trade = decode(new, binance_trade(1006, ms=AT_MS + 5_000)).messages
    assert healed.events == (LedgerEntry("healed", "arrived late", 1001, 1003),)
    assert trade.seq == (1006, 1006)
    assert [m.kind for m in decode(new, binance_trade(1007, ms=AT_MS + 9_000)).messages] == [
        "trade"
    ]


def test_a_gap_of_which_a_part_never_came_stays_open() -> None:
    trades = ContiguousTrades({}, "X")
    for number in (1, 5, 2, 4):
        trades.take(number, 1)
    assert trades.take(6, 10_000_000) == ()
    assert trades.take(3, 10_000_000) == () == trades.take(7, 14_000_000)
    assert trades.take(8, 15_000_000) == (LedgerEntry("healed", "arrived late", 2, 4),)


def test_of_a_gap_in_too_many_pieces_nothing_is_lost_and_nothing_is_claimed() -> None:
    trades = ContiguousTrades({}, "X")
    taken = [trades.take(number, 1) for number in (1, 100, *range(3, 99, 2), *range(2, 99, 2))]
    assert None not in taken
    (*_, last) = [trades.take(number, 60_000_000) for number in (99, 101, 102)]
    claimed = [
        entry for entries in (*taken, last) for entry in entries or () if entry.entry == "healed"
    ]
    assert not [entry for entry in claimed if entry.first_seq <= 2 and entry.last_seq >= 99]


def test_a_newer_trade_with_an_older_number_is_no_repeat() -> None:
    feed = Feed("binance")
    feed.trades(1, 2, 3, 4, 5)
    assert feed.trade(2) == ()
    kinds = [message.kind for message in feed.trade(2, AT_US + 60_000_000)]
    assert kinds == ["ledger", "trade"]


def test_a_repeated_array_is_published_once() -> None:
    one = DeribitDecoder(instruments={"BTC-PERPETUAL": "BTC-PERPETUAL"}, conn="c")
    assert len(decode(one, deribit_trades(5, 6, 7)).messages) == 1
    assert decode(one, deribit_trades(5, 6, 7)).messages == ()
    assert one.ignored["repeated"] == 3


def test_an_id_that_comes_out_of_order_does_not_take_the_last_back() -> None:
    feed = Feed("gemini v1")
    ids, entries = feed.trades(20, 15)
    assert ids == [20, 15] and entries == ["renumbered"] and feed.last_ids["BTC-USD"] == 20
    assert feed.trades(21, 22) == ([21, 22], [])


def test_a_v2_snapshot_that_forgot_the_last_trade_is_numbered_anew() -> None:
    one = GeminiV2Decoder(symbols=("BTC-USD",), conn="c", last_ids={"BTC-USD": 5000})
    found = decode(one, v2_update(("buy", "99", "1"), ("sell", "101", "1"), trades=(8, 7, 6)))
    assert [message.kind for message in found.messages] == ["book", "ledger", "ledger", "trade"]
    (trades,) = [message for message in found.messages if message.kind == "trade"]
    assert [one.trade_id for one in trades.events if isinstance(one, Trade)] == ["6", "7", "8"]


def test_best_prices_that_are_numbered_anew_are_not_frozen() -> None:
    ids: dict[str, int] = {}
    one = BinanceDecoder(symbols=("BTC-USDT",), conn="c", last_ids=ids)
    kinds = [[m.kind for m in decode(one, best_prices(u)).messages] for u in (1000, 5, 6, 7, 7)]
    assert kinds == [["book"], ["ledger"], ["ledger", "book"], ["book"], []]
    decode(one, best_prices(1001))
    other = BinanceDecoder(symbols=("BTC-USDT",), conn="d", last_ids=ids)
    kinds = [[m.kind for m in decode(other, best_prices(u)).messages] for u in (7, 8)]
    assert kinds == [["ledger"], ["ledger", "book"]]


def test_best_prices_of_a_connection_a_little_behind_are_no_news() -> None:
    ids: dict[str, int] = {}
    old, new = (BinanceDecoder(symbols=("BTC-USDT",), conn=c, last_ids=ids) for c in "ab")
    for decoder, update in ((old, 1000), (new, 1005)):
        assert len(decode(decoder, best_prices(update)).messages) == 1
    assert decode(old, best_prices(1002)).messages == ()
    behind = [decode(old, best_prices(number)).messages for number in range(1003, 1005)]
    assert behind == [(), ()] and len(decode(old, best_prices(1006)).messages) == 1


def test_a_grouped_book_that_is_numbered_anew_is_a_new_snapshot() -> None:
    one = DeribitDecoder(instruments={"BTC-PERPETUAL": "BTC-PERPETUAL"}, conn="c")
    decode(one, deribit_picture(1000, bid="100"))
    assert [m.kind for m in decode(one, deribit_picture(5, bid="90")).messages] == ["ledger"]
    ledger, book = decode(one, deribit_picture(6, bid="91")).messages
    assert [event.entry for event in ledger.events if isinstance(event, LedgerEntry)] == [
        "renumbered"
    ]
    assert book.top is not None and book.top.bid == 91
    assert {change.reason for change in book.events} == {"initial"}  # type: ignore[union-attr]
    (after,) = decode(one, deribit_picture(7, bid="92")).messages
    assert after.top is not None and after.top.bid == 92


def test_depth_that_is_numbered_anew_asks_for_a_new_connection() -> None:
    one = GeminiCurrentDecoder(symbols=("BTC-USD",), conn="c")
    decode(one, current_depth(1000, 1005, bid="100"))
    fallen = decode(one, current_depth(1, 2, bid="90"))
    assert fallen.resync and [message.kind for message in fallen.messages] == ["ledger", "book"]
    assert fallen.messages[1].top is None


def test_the_largest_hole_takes_no_memory() -> None:
    shared = {"X": 5}
    trades = ContiguousTrades(shared, "X")
    assert trades.take(HUGE, 1) == (LedgerEntry("jump", "unconfirmed", 6, HUGE - 1),)
    assert trades.take(6, 1) == () and trades.take(HUGE, 2) is not None
    assert len(shared) < 20


def test_a_hole_is_filled_from_its_middle() -> None:
    trades = ContiguousTrades({}, "X")
    taken = [trades.take(number, 1) for number in (1, 9, 5, 5, 4, 3, 9, 10)]
    gap = LedgerEntry("gap", "missing", 2, 8)
    assert taken == [(), (gap,), (), None, (), (), None, ()]


def test_repeated_ids_are_recognised_among_the_last() -> None:
    ids = RisingIds({}, "X")
    assert [ids.take(number, 7) for number in (5, 9, 5, 9, 12)] == [(), (), None, None, ()]


@pytest.mark.parametrize("step", [1, 100, 256, 1024, 10**9])
def test_ids_that_two_connections_carry_are_taken_once_however_far_apart(step: int) -> None:
    shared: dict[str, int] = {}
    older, newer = RisingIds(shared, "X"), RisingIds(shared, "X")
    numbers = range(step, 257 * step, step)
    assert [older.take(number, 7) for number in numbers] == [()] * 256
    assert [newer.take(number, 7) for number in numbers] == [None] * 256
    for number in range(257 * step, 2000 * step, step):
        newer.take(number, 7)
    assert len(shared) < 1000


@pytest.mark.parametrize(
    ("numbers", "last"),
    [
        ((1002, 1001), 1002),
        ((5001, 0, 1, 2), 2),
        ((15, HUGE, 16), 16),
        ((15, 10**12, 10**12 + 1), 10**12 + 1),
        ((15, 10**12), 15),
    ],
)
def test_the_last_number_that_is_kept_follows_what_the_venue_counts(
    numbers: tuple[int, ...], last: int
) -> None:
    newest = NewestNumber(None)
    for number in numbers:
        newest.count(number)
    assert newest.last == last


def test_a_v2_snapshot_of_ids_that_began_again_after_the_last_trade_repeats_nothing(
    tmp_path: Path,
) -> None:
    """The venue began again while the feed was down, and came to where it had been."""
    before = LastTradeIds(tmp_path / "gemini.json")
    (trades,) = decode(Feed("gemini v2").decoder, v2_trade(5000)).messages
    before.count_sent(("market.trades", b"k", wire.encode(trades)), trades)
    before.acknowledge(sent_count=1, through=1)
    before.save()
    ids = LastTradeIds(tmp_path / "gemini.json").shared_numbers
    one = GeminiV2Decoder(symbols=("BTC-USD",), conn="c", last_ids=ids)
    levels = ("buy", "99", "1"), ("sell", "101", "1")
    snapshot = v2_update(*levels, trades=(5001, 5000, 4999), ms=AT_MS + 60_000)
    events = [event for message in decode(one, snapshot).messages for event in message.events]
    made = [event.trade_id for event in events if isinstance(event, Trade)]
    assert made == ["4999", "5000", "5001"]
    entries = [event.entry for event in events if isinstance(event, LedgerEntry)]
    assert "renumbered" in entries
    again = decode(one, v2_update(*levels, trades=(5001, 5000, 4999), ms=AT_MS + 60_000))
    assert not [message for message in again.messages if message.kind == "trade"]
