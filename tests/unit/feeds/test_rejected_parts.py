"""What makes no sense in a frame is rejected, the rest taken; no book goes on with a hole."""

from typing import Any

import pytest

from include.errors import RejectedFrame
from include.market.events import Frame, LedgerEntry, Message, Ticker, Trade
from streaming.feeds.connection import Connection
from streaming.feeds.decoding import DecodedFrame, Decoder
from streaming.feeds.feed_publisher import FeedPublisher
from streaming.feeds.stream_spec import StreamSpec
from streaming.feeds.venues.binance.decoder import BinanceDecoder
from streaming.feeds.venues.deribit.decoder import DeribitDecoder
from streaming.feeds.venues.gemini.current import GeminiCurrentDecoder
from streaming.feeds.venues.gemini.v1 import GeminiV1Decoder
from streaming.feeds.venues.gemini.v2 import GeminiV2Decoder
from tests.support.venue_frames import (
    AT_US,
    current_depth,
    current_trade,
    decode,
    deribit_array,
    deribit_book,
    deribit_trade,
    deribit_trades,
    text,
    v1_update,
    v2_fields,
    v2_trade,
    v2_update,
)

V1_TRADE = {"type": "trade", "price": "100", "amount": "1", "makerSide": "ask"}
V1_BOOK = (
    {"type": "change", "reason": "initial", "price": "99", "delta": "1", "remaining": "1"},
    {"type": "change", "reason": "initial", "price": "101", "delta": "1", "remaining": "1"},
)
WRONG_TRADES: list[dict[str, Any]] = [
    {"price": -5.0},
    {"price": 0.123456789},
    {"price": "a"},
    {"amount": 0},
    {"direction": "both"},
    {"timestamp": 0},
    {"instrument_name": "ETH-PERPETUAL"},
]


def deribit() -> DeribitDecoder:
    return DeribitDecoder(instruments={"BTC-PERPETUAL": "BTC-PERPETUAL"}, conn="c")


def v1() -> GeminiV1Decoder:
    one = GeminiV1Decoder(symbol="BTC-USD", conn="c")
    sides = [change | {"side": side} for change, side in zip(V1_BOOK, ("bid", "ask"), strict=True)]
    decode(one, v1_update(*sides, seq=0, event_id=1, ms=None))
    return one


def v2() -> GeminiV2Decoder:
    one = GeminiV2Decoder(symbols=("BTC-USD",), conn="c")
    decode(one, v2_update(("buy", "100", "1"), ("buy", "99", "1"), ("sell", "101", "1")))
    return one


def trade_ids(messages: tuple[Message, ...]) -> list[str]:
    events = [event for message in messages for event in message.events]
    return [event.trade_id for event in events if isinstance(event, Trade)]


def entries(messages: tuple[Message, ...]) -> list[LedgerEntry]:
    events = [event for message in messages for event in message.events]
    return [event for event in events if isinstance(event, LedgerEntry)]


def attempt(decoder: Decoder, data: bytes) -> DecodedFrame | RejectedFrame:
    try:
        return decode(decoder, data)
    except RejectedFrame as rejection:
        return rejection


@pytest.mark.parametrize("wrong", WRONG_TRADES)
def test_a_wrong_trade_of_a_deribit_array_leaves_its_neighbours(wrong: dict[str, Any]) -> None:
    one = deribit()
    decode(one, deribit_trades(10))
    found = decode(
        one, deribit_array(deribit_trade(11), deribit_trade(12, **wrong), deribit_trade(13))
    )
    assert trade_ids(found.messages) == ["11", "13"] and len(found.rejected) == 1
    assert entries(found.messages) == [LedgerEntry("gap", "rejected", 12, 12)]
    assert trade_ids(decode(one, deribit_trades(14)).messages) == ["14"]


def test_a_wrong_trade_alone_is_a_gap_before_the_next() -> None:
    one = deribit()
    decode(one, deribit_trades(10))
    with pytest.raises(RejectedFrame, match="out_of_range"):
        decode(one, deribit_array(deribit_trade(11, price=-5.0)))
    found = decode(one, deribit_trades(12))
    assert entries(found.messages) == [LedgerEntry("gap", "missing", 11, 11)]


@pytest.mark.parametrize("wrong", [{"price": "0"}, {"amount": "NaN"}, {"price": True}])
def test_a_wrong_trade_of_a_v1_frame_leaves_its_neighbours_and_the_book(
    wrong: dict[str, Any],
) -> None:
    change = {"type": "change", "side": "ask", "price": "101", "remaining": "0.5", "delta": "-0.5"}
    events = [V1_TRADE | {"tid": 5}, V1_TRADE | {"tid": 6} | wrong, V1_TRADE | {"tid": 7}, change]
    found = decode(one := v1(), v1_update(*events, seq=1, event_id=7))
    assert trade_ids(found.messages) == ["5", "7"] and len(found.rejected) == 1
    assert not found.resync and one.book.top() is not None


def test_a_wrong_change_of_a_v1_frame_ends_the_book_with_the_next_frame() -> None:
    one = v1()
    change = {"type": "change", "side": "bid", "price": "99", "remaining": "-1", "delta": "-2"}
    with pytest.raises(RejectedFrame):
        decode(one, v1_update(change, seq=1, event_id=2))
    after = decode(one, text({"type": "heartbeat", "socket_sequence": 2}))
    assert after.resync and after.messages[-1].top is None
    assert entries(after.messages) == [LedgerEntry("gap", "rejected", 1, 1)]


@pytest.mark.parametrize(
    "wrong",
    [
        v2_update(("buy", "100.00", "0"), ("buy", "99.123456789", "1")),
        v2_update(("buy", "100.00", "0"), ("buy", "NaN", "1")),
        text({"type": "l2_updates", "symbol": "BTCUSD", "changes": [["bid", "1", "1"]]}),
        b'{"type":"l2_updates","symbol":"BTCUSD","chan',
        b"\xff\xfe",
    ],
)
def test_a_rejected_v2_update_ends_the_book_until_a_new_connection(wrong: bytes) -> None:
    one = v2()
    found = attempt(one, wrong)
    assert isinstance(found, RejectedFrame) and found.needs_snapshot
    after = decode(one, v2_update(("sell", "101", "2")))
    assert after.messages[0].top is None and after.resync


def test_a_rejected_v2_snapshot_is_not_followed_by_another() -> None:
    one = GeminiV2Decoder(symbols=("BTC-USD",), conn="c")
    assert isinstance(attempt(one, b'{"type":"l2_updates"}'), RejectedFrame)
    after = decode(one, v2_update(("buy", "99", "1"), ("sell", "101", "2")))
    assert after.messages[0].top is None and after.resync


def test_a_symbol_whose_snapshots_do_not_fit_leaves_the_connection_to_the_others() -> None:
    for one, wrong, update in (
        (
            GeminiV2Decoder(symbols=("BTC-USD",), conn="c"),
            v2_update(("buy", "0.000012345", "1")),
            v2_update(("buy", "99", "1"), ("sell", "101", "2")),
        ),
        (
            GeminiCurrentDecoder(symbols=("BTC-USD",), conn="c"),
            current_depth(10, 12, bid="0.000012345"),
            current_depth(13, 14, bid="90"),
        ),
    ):
        found = attempt(one, wrong)
        assert isinstance(found, RejectedFrame) and not found.needs_snapshot
        after = decode(one, update)
        assert after.messages[-1].top is None and not after.resync


def test_a_rejected_v2_trade_leaves_the_others_and_the_book() -> None:
    one = v2()
    wrong, good = v2_fields(8, price="-1"), v2_fields(7)
    levels = [["sell", "101", "2"]]
    update = {"type": "l2_updates", "symbol": "BTCUSD", "changes": levels, "trades": [wrong, good]}
    found = decode(one, text(update))
    assert trade_ids(found.messages) == ["7"] and found.messages[0].top is not None
    assert len(found.rejected) == 1 and not found.resync
    with pytest.raises(RejectedFrame) as rejected:
        decode(one, text(v2_fields(9, price="-1")))
    assert not rejected.value.needs_snapshot
    assert decode(one, v2_update(("sell", "101", "3"))).messages[0].top is not None


def test_a_v2_auction_is_a_trade_without_a_side() -> None:
    (message,) = decode(v2(), text(v2_fields(9, side="auction"))).messages
    (trade,) = message.events
    assert isinstance(trade, Trade) and trade.side is None
    assert trade_ids(decode(v2(), v2_trade(9)).messages) == ["9"]


def test_a_rejected_current_snapshot_is_not_followed_by_another() -> None:
    for wrong in (b'{"U":10,"u":"a"}', b"{"):
        one = GeminiCurrentDecoder(symbols=("BTC-USD",), conn="c")
        found = attempt(one, wrong)
        assert isinstance(found, RejectedFrame) and found.needs_snapshot
        after = decode(one, current_depth(13, 14, bid="90"))
        assert after.resync and after.messages[-1].top is None


def test_a_rejected_current_update_ends_the_book() -> None:
    one = GeminiCurrentDecoder(symbols=("BTC-USD",), conn="c")
    decode(one, current_depth(10, 12, bid="90"))
    found = attempt(one, current_depth(13, 13, bid="0.123456789"))
    assert isinstance(found, RejectedFrame) and found.needs_snapshot
    after = decode(one, current_depth(14, 14, bid="91"))
    assert after.resync and after.messages[-1].top is None
    assert trade_ids(decode(one, current_trade(5)).messages) == ["5"]


def test_a_deribit_book_with_a_rejected_change_waits_for_a_snapshot_and_says_when_it_came() -> None:
    one = deribit()
    bids, asks = [["new", 100.0, 10.0]], [["new", 101.0, 10.0]]
    decode(one, deribit_book("snapshot", 1, bids=bids, asks=asks))
    with pytest.raises(RejectedFrame):
        decode(one, deribit_book("change", 2, before=1, bids=[["new", 1e-9, 10.0]]))
    broken = decode(one, deribit_book("change", 3, before=2))
    assert broken.messages[-1].top is None and broken.requests and not broken.resync
    soon = one.decode(Frame(deribit_book("change", 4, before=3), AT_US + 1_000_000))
    late = one.decode(Frame(deribit_book("change", 5, before=4), AT_US + 11_000_000))
    assert not soon.resync and late.resync
    whole = decode(one, deribit_book("snapshot", 9, bids=bids, asks=asks))
    assert entries(whole.messages) == [LedgerEntry("recovered", "snapshot")]
    assert whole.messages[-1].top is not None


def test_a_refused_new_subscription_asks_for_a_new_connection() -> None:
    found = attempt(deribit(), b'{"id":6,"error":{"code":10028,"message":"too_many_requests"}}')
    assert isinstance(found, RejectedFrame) and found.needs_snapshot


def test_a_deribit_combination_may_cost_nothing_or_less() -> None:
    name = "BTC-FS-27MAR26_PERP"
    one = DeribitDecoder(instruments={name: name}, conn="c")
    prices = [
        deribit_trade(n, price=price, instrument_name=name, direction=direction)
        for n, (price, direction) in enumerate([(-2.5, "zero"), (0.0, "buy")])
    ]
    (message,) = decode(one, deribit_array(*prices)).messages
    trades = [trade for trade in message.events if isinstance(trade, Trade)]
    assert [(trade.price, trade.side) for trade in trades] == [(-2.5, None), (0, "buy")]


def test_an_odd_number_of_a_ticker_is_null_and_the_rest_taken() -> None:
    ticker = {"e": "24hrTicker", "E": AT_US // 1000, "s": "BTCUSDT", "c": "1.5", "o": "-1"}
    ticker |= dict.fromkeys(("h", "l", "b", "B", "a", "A", "v", "q"), "2") | {"n": 3}
    one = BinanceDecoder(symbols=("BTC-USDT",), conn="c")
    found = decode(one, text(ticker))
    (event,) = found.messages[0].events
    assert isinstance(event, Ticker) and (event.open, event.last, event.high) == (None, 1.5, 2)
    assert len(found.rejected) == 1
    assert decode(one, text(ticker | {"c": "0.00000000", "n": 0})).messages == ()
    assert one.ignored == {"ticker without a last price": 1}


def test_a_deribit_ticker_without_statistics_is_a_ticker() -> None:
    data = {"timestamp": AT_US // 1000, "instrument_name": "BTC-PERPETUAL", "last_price": 9.5}
    params = {"channel": "ticker.BTC-PERPETUAL.100ms", "data": data | {"stats": None}}
    (message,) = decode(deribit(), text({"method": "subscription", "params": params})).messages
    assert message.events == (Ticker(last=9.5),)  # type: ignore[arg-type]


def test_rejected_parts_are_published_once_with_the_frame_and_a_lost_book_ends_the_connection() -> (
    None
):
    published: list[Message] = []
    publisher = FeedPublisher(
        venue="deribit", symbols=("BTC-PERPETUAL",), publish=published.append, now_us=lambda: AT_US
    )

    def connection(decoder: Decoder) -> Connection:
        spec = StreamSpec("deribit", ("BTC-PERPETUAL",), "", (), "", lambda *_: decoder)
        return Connection(
            spec=spec,
            publisher=publisher,
            connect=lambda _: None,  # type: ignore[arg-type,return-value]
            conn="c",
            decoder=decoder,
            cause="start",
            stale_s=30,
        )

    wrong = deribit_array(
        deribit_trade(1), deribit_trade(2, price=-5.0), deribit_trade(3, amount=-1)
    )
    connection(deribit()).take(Frame(wrong, AT_US))
    kinds = [message.kind for message in published]
    assert sorted(kinds) == ["reject", "trade"] and publisher.counts["rejects"] == 1
    update = Frame(v2_update(("buy", "-1", "1")), AT_US)
    ended = connection(v2()).take(update)
    assert ended.resync
