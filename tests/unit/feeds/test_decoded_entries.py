"""What each decoder writes into the ledger, word for word and number for number."""

from typing import Any

import pytest

from include.errors import RejectedFrame
from include.market.events import BookChange, LedgerEntry, Message, Trade
from streaming.feeds.decoding import Decoder
from streaming.feeds.rising_ids import RisingIds
from streaming.feeds.trade_sequence import ID_JUMP, JUMP, ContiguousTrades
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
    deribit_book,
    deribit_picture,
    entries_of,
    text,
    v1_trade,
    v1_update,
    v2_trade,
    v2_update,
)

SYMBOLS = ("BTC-USD",)


def trade_ids(messages: tuple[Message, ...]) -> list[str]:
    return [e.trade_id for m in messages for e in m.events if isinstance(e, Trade)]


@pytest.mark.parametrize(
    ("first", "gap"),
    [
        (71, []),
        (72, [LedgerEntry("gap", "between_connections", 71, 71)]),
        (75, [LedgerEntry("gap", "between_connections", 71, 74)]),
    ],
)
def test_what_lies_between_two_connections_of_the_current_gemini_is_a_gap(
    first: int, gap: list[LedgerEntry]
) -> None:
    decoder = GeminiCurrentDecoder(symbols=SYMBOLS, conn="c", last_ids={"BTC-USD": 70})
    assert entries_of(decode(decoder, current_trade(first))) == gap
    assert entries_of(decode(decoder, current_trade(first + 9))) == []  # ids rise with holes


def test_the_updates_of_the_current_gemini_that_do_not_follow_are_entries() -> None:
    for first, last, entry in (
        (17, 18, LedgerEntry("gap", "missing", detail="updates 16 to 16")),
        (20, 25, LedgerEntry("gap", "missing", detail="updates 16 to 19")),
        (3, 5, LedgerEntry("renumbered", "begins_again", detail="update 5 after 15")),
    ):
        decoder = GeminiCurrentDecoder(symbols=SYMBOLS, conn="c")
        assert entries_of(decode(decoder, current_depth(10, 12, bid="100"))) == []
        assert entries_of(decode(decoder, current_depth(13, 15, bid="101"))) == []
        decoded = decode(decoder, current_depth(first, last, bid="102"))
        assert entries_of(decoded) == [entry]
        assert decoded.resync and decoded.messages[-1].top is None


def test_the_updates_behind_a_rejected_snapshot_of_the_current_gemini_are_a_gap() -> None:
    decoder = GeminiCurrentDecoder(symbols=SYMBOLS, conn="c")
    with pytest.raises(RejectedFrame):
        decode(decoder, current_depth(10, 12, bid="-1"))
    decoded = decode(decoder, current_depth(13, 15, bid="101"))
    assert entries_of(decoded) == [LedgerEntry("gap", "rejected", detail="snapshot")]


def test_a_number_that_was_taken_long_ago_is_no_repeat_but_a_new_beginning() -> None:
    decoder = GeminiCurrentDecoder(symbols=SYMBOLS, conn="c")
    for number in range(1, 71):
        decode(decoder, current_depth(number, number, bid="100"))
    assert decode(decoder, current_depth(7, 7, bid="100")).messages == ()  # among the last 64
    (entry,) = entries_of(decode(decoder, current_depth(6, 6, bid="100")))
    assert entry.entry == "renumbered"


def test_the_changes_of_the_current_gemini_have_the_number_of_their_update() -> None:
    decoder = GeminiCurrentDecoder(symbols=SYMBOLS, conn="c")
    (snapshot,) = decode(decoder, current_depth(10, 12, bid="100")).messages
    (update,) = decode(decoder, current_depth(13, 15, bid="101")).messages
    seen = [
        (event.side, event.reason, event.venue_event_id)
        for message in (snapshot, update)
        for event in message.events
        if isinstance(event, BookChange)
    ]
    expected = [("initial", 12), ("initial", 12), (None, 15), (None, 15)]
    assert seen == [(side, *one) for side, one in zip(["bid", "ask"] * 2, expected, strict=True)]


@pytest.mark.parametrize(
    ("sent", "received_us", "venue_time"),
    [
        (AT_US * 1000, AT_US, AT_US),
        (AT_MS, AT_US, AT_US),  # in milliseconds, as the venue once did
        (10**15, 10**12, None),  # the first that is read as nanoseconds, of 1970
    ],
)
def test_a_time_of_the_current_gemini_is_read_in_either_unit(
    sent: int, received_us: int, venue_time: int | None
) -> None:
    decoder = GeminiCurrentDecoder(symbols=SYMBOLS, conn="c")
    frame = current_depth(10, 12, bid="100", ns=sent)
    (message,) = decode(decoder, frame, received_us=received_us).messages
    assert message.venue_time == venue_time


@pytest.mark.parametrize(
    ("listed", "gap", "new"),
    [
        ((75, 80), [LedgerEntry("gap", "between_connections", 71, 74)], ["75", "80"]),
        ((71, 80), [], ["71", "80"]),
        ((60, 80), [], ["80"]),
        ((), [], []),
    ],
)
def test_a_v2_snapshot_that_does_not_reach_back_leaves_a_gap(
    listed: tuple[int, ...], gap: list[LedgerEntry], new: list[str]
) -> None:
    decoder = GeminiV2Decoder(symbols=SYMBOLS, conn="c", last_ids={"BTC-USD": 70})
    decoded = decode(decoder, v2_update(("buy", "99", "1"), ("sell", "101", "1"), trades=listed))
    assert entries_of(decoded) == gap
    assert trade_ids(decoded.messages) == new


def test_a_v2_trade_that_was_published_leaves_those_behind_it() -> None:
    decoder = GeminiV2Decoder(symbols=SYMBOLS, conn="c")
    decode(decoder, v2_update(("buy", "99", "1"), ("sell", "101", "1")))
    assert trade_ids(decode(decoder, v2_trade(71)).messages) == ["71"]
    decoded = decode(decoder, v2_update(("buy", "98", "1"), trades=(71, 72)))
    assert trade_ids(decoded.messages) == ["72"]


def test_a_wrong_level_of_a_v2_update_is_rejected_beside_its_trades() -> None:
    decoder = GeminiV2Decoder(symbols=SYMBOLS, conn="c")
    decode(decoder, v2_update(("buy", "99", "1"), ("sell", "101", "1")))
    decoded = decode(decoder, v2_update(("buy", "-1", "1"), trades=(71,)))
    assert trade_ids(decoded.messages) == ["71"] and decoded.resync
    assert [one.reason for one in decoded.rejected] == ["out_of_range"]


def v1() -> GeminiV1Decoder:
    return GeminiV1Decoder(symbol="BTC-USD", conn="c", last_ids={"BTC-USD": 70})


def test_the_entries_of_gemini_v1_are_messages_of_the_ledger() -> None:
    decoder = v1()
    between = LedgerEntry("gap", "between_connections", 71, 75)
    assert entries_of(decode(decoder, v1_update(seq=0, event_id=75))) == [between]
    hole = LedgerEntry("gap", "missing", 1, 3)
    assert entries_of(decode(decoder, v1_update(seq=4, event_id=76))) == [hole]
    back = LedgerEntry("gap", "out_of_order", detail="2 where 5 was due")
    assert entries_of(decode(decoder, v1_update(seq=2, event_id=77))) == [back]
    fallen = LedgerEntry("renumbered", "unconfirmed", 9, 70)
    assert entries_of(decode(decoder, v1_trade(9, seq=3))) == [fallen]
    assert entries_of(decode(decoder, v1_trade(80, seq=4))) == []


def test_a_v1_update_without_its_number_is_rejected_by_name() -> None:
    frame = {"type": "update", "socket_sequence": 0, "timestampms": AT_MS, "events": []}
    with pytest.raises(RejectedFrame, match="eventId"):
        decode(v1(), text(frame))


def binance(ids: dict[str, int] | None = None, conn: str = "c") -> BinanceDecoder:
    return BinanceDecoder(symbols=("BTC-USDT", "ETH-USDT"), conn=conn, last_ids=ids)


def kinds(decoder: Decoder, data: bytes) -> list[str]:
    return [message.kind for message in decode(decoder, data).messages]


def test_a_connection_that_is_a_little_behind_twenty_times_begins_again() -> None:
    ids: dict[str, int] = {}
    ahead, behind = binance(ids), binance(ids, conn="d")
    assert kinds(ahead, best_prices(1000)) == ["book"]
    assert [kinds(behind, best_prices(900 + n)) for n in range(20)] == [[]] * 20
    decoded = decode(behind, best_prices(920))
    entry = LedgerEntry("renumbered", "begins_again", detail="best prices 920 after 1000")
    assert entries_of(decoded) == [entry]
    assert kinds(behind, best_prices(921)) == ["book"]


def test_the_best_prices_of_each_symbol_are_counted_on_their_own() -> None:
    decoder = binance()
    assert kinds(decoder, best_prices(1000)) == ["book"]
    assert kinds(decoder, best_prices(5).replace(b"BTCUSDT", b"ETHUSDT")) == ["book"]
    assert kinds(decoder, best_prices(1001)) == ["book"]
    assert kinds(decoder, best_prices(1001)) == []


def test_a_binance_ticker_has_the_time_at_which_it_was_sent() -> None:
    numbers = dict.fromkeys("cohlbBaAvq", "1.00000000") | {"n": 7}
    ticker = {"e": "24hrTicker", "E": AT_MS, "s": "BTCUSDT"} | numbers
    (message,) = decode(binance(), text({"stream": "x", "data": ticker})).messages
    assert (message.kind, message.venue_time) == ("ticker", AT_US)


def deribit() -> DeribitDecoder:
    return DeribitDecoder(instruments={"BTC-PERPETUAL": "BTC-PERPETUAL"}, conn="c")


def test_a_grouped_deribit_book_has_its_number_and_one_that_falls_is_an_entry() -> None:
    decoder = deribit()
    (first,) = decode(decoder, deribit_picture(9, bid="100")).messages
    assert first.seq == (9, 9)
    (fallen,) = decode(decoder, deribit_picture(5, bid="101", ms=AT_MS + 100)).messages
    assert fallen.events == (LedgerEntry("renumbered", "unconfirmed", detail="book 5 after 9"),)
    ledger, book = decode(decoder, deribit_picture(6, bid="101", ms=AT_MS + 200)).messages
    assert ledger.events == (LedgerEntry("renumbered", "begins_again", detail="book 6 after 9"),)
    assert (ledger.kind, ledger.seq, book.kind, book.seq) == ("ledger", (6, 6), "book", (6, 6))


@pytest.mark.parametrize(("bids", "asks"), [([], [[101.0, 10.0]]), ([[100.0, 10.0]], []), ([], [])])
def test_a_grouped_book_with_an_empty_side_has_no_top(bids: Any, asks: Any) -> None:
    book = {"timestamp": AT_MS, "instrument_name": "BTC-PERPETUAL", "change_id": 5}
    params = {
        "channel": "book.BTC-PERPETUAL.none.10.100ms",
        "data": book | {"bids": bids, "asks": asks},
    }
    (message,) = decode(deribit(), text({"method": "subscription", "params": params})).messages
    assert message.top is None


def test_a_deribit_book_in_order_asks_for_nothing() -> None:
    decoder = deribit()
    snapshot = deribit_book("snapshot", 1, bids=[["new", 100.0, 10.0]])
    change = deribit_book("change", 2, before=1, asks=[["new", 101.0, 10.0]])
    for frame in (snapshot, change):
        decoded = decode(decoder, frame)
        assert (decoded.requests, decoded.resync, decoded.renew) == ((), False, "")


@pytest.mark.parametrize(
    ("last", "number", "entries"),
    [
        (5_000_000, 5_000_003, [LedgerEntry("gap", "missing", 5_000_001, 5_000_002)]),
        (10, 10 + JUMP, [LedgerEntry("gap", "missing", 11, 9 + JUMP)]),
        (10, 11 + JUMP, [LedgerEntry("jump", "unconfirmed", 11, 10 + JUMP)]),
        (5000, 3, [LedgerEntry("renumbered", "unconfirmed", 3, 5000)]),
    ],
)
def test_a_number_that_does_not_follow_is_an_entry_with_what_lies_between(
    last: int, number: int, entries: list[LedgerEntry]
) -> None:
    trades = ContiguousTrades({"BTC": last, "BTC|newest": AT_US}, "BTC")
    assert list(trades.take(number, AT_US + 1) or ()) == entries


def test_a_venue_that_begins_again_is_an_entry_from_its_first_number_to_the_last() -> None:
    trades = ContiguousTrades({"BTC": 5000, "BTC|newest": AT_US}, "BTC")
    trades.take(3, AT_US + 1)
    again = LedgerEntry("renumbered", "begins_again", 3, 5000)
    assert trades.take(5, AT_US + 2) == (again, LedgerEntry("gap", "missing", 4, 4))


def test_a_repeat_lies_at_most_five_hundred_numbers_behind() -> None:
    trades = ContiguousTrades({}, "BTC")
    for number in range(1, 601):
        assert trades.take(number, AT_US) == ()
    assert trades.take(100, AT_US) is None
    assert trades.take(99, AT_US) == (LedgerEntry("renumbered", "unconfirmed", 99, 600),)


def test_ids_that_begin_again_are_two_entries_with_the_last_id_before() -> None:
    ids = RisingIds({"BTC": 5000}, "BTC")
    assert ids.take(3, AT_US) == (LedgerEntry("renumbered", "unconfirmed", 3, 5000),)
    assert ids.take(4, AT_US) == (LedgerEntry("renumbered", "begins_again", 3, 5000),)
    assert ids.take(5, AT_US) == ()


def test_an_id_that_leaps_is_an_entry_with_what_lies_between() -> None:
    for step, entries in (
        (ID_JUMP, ()),
        (ID_JUMP + 1, (LedgerEntry("jump", "unconfirmed", 71, 70 + ID_JUMP),)),
    ):
        assert RisingIds({"BTC": 70}, "BTC").take(70 + step, AT_US) == entries


def test_the_entry_of_a_binance_hole_has_the_number_of_the_trade_behind_it() -> None:
    ledger, trade = decode(binance({"BTC-USDT": 70}), binance_trade(75)).messages
    assert ledger.events == (LedgerEntry("gap", "missing", 71, 74),)
    assert (ledger.kind, ledger.seq, trade.kind, trade.seq) == (
        "ledger",
        (75, 75),
        "trade",
        (75, 75),
    )
