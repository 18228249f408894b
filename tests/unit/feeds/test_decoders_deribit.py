"""Deribit by hand-written frames: books, chains, trades, log-in; and mutated frames."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.errors import RejectedFrame
from include.market import wire
from include.market.events import BookChange, Frame, LedgerEntry, Ticker, Top, Trade
from include.market.symbols import INSTRUMENTS
from include.market.venue_settings import DeribitSettings, Venues
from include.setting_fields import Secret
from streaming.feeds.decoding import DecodedFrame
from streaming.feeds.registry import stream_specs
from streaming.feeds.venues.deribit.decoder import DeribitDecoder
from tests.support.venue_frames import deribit_array, deribit_trade

D = Decimal
NAME = "BTC-PERPETUAL"


def notification(channel: str, data: str) -> bytes:
    head = '{"jsonrpc":"2.0","method":"subscription","params":{"channel":"%s","data":%s}}'
    return (head % (channel, data)).encode()


def book(kind: str, ids: str, bids: str, asks: str) -> bytes:
    data = '{"type":"%s","timestamp":1622627433440,"instrument_name":"%s",%s,"bids":%s,"asks":%s}'
    return notification(f"book.{NAME}.100ms", data % (kind, NAME, ids, bids, asks))


SNAPSHOT = book("snapshot", '"change_id":10', '[["new",100.5,20.0]]', '[["new",101,30]]')
CHANGE = book(
    "change",
    '"prev_change_id":10,"change_id":25',
    '[["delete",100.5,0.0],["new",100.0,70.0]]',
    "[]",
)
GROUPED = notification(
    f"book.{NAME}.none.10.100ms",
    '{"timestamp":1769246173071,"instrument_name":"BTC-PERPETUAL","change_id":5,'
    '"bids":[[89532.5,254900.0],[89532.0,1000.0]],"asks":[[89533.0,91570.0]]}',
)
ONE_TRADE = (
    '{"trade_seq":%d,"trade_id":"ETH-%d","timestamp":1616321478553,"price":0.10000000000000001e1,'
    '"direction":"sell","amount":10.0,"instrument_name":"BTC-PERPETUAL"}'
)
TICKER = notification(
    f"ticker.{NAME}.100ms",
    '{"timestamp":5,"instrument_name":"BTC-PERPETUAL","last_price":29931.0,"best_bid_price":0.0,'
    '"best_bid_amount":0.0,"best_ask_price":29932.5,"best_ask_amount":10.0,'
    '"stats":{"volume":17945.19644566,"low":29265.5,"high":null}}',
)


def trades(*numbers: int) -> bytes:
    each = ONE_TRADE.replace("0.10000000000000001e1", "56168.5")
    return notification(f"trades.{NAME}.100ms", f"[{','.join(each % (n, n) for n in numbers)}]")


def decoder(ids: dict[str, int] | None = None) -> DeribitDecoder:
    return DeribitDecoder(instruments={NAME: NAME}, conn="c", last_ids=ids)


def decoded(one: DeribitDecoder, data: bytes) -> DecodedFrame:
    return one.decode(Frame(data, received_time=5))


def test_a_snapshot_and_the_change_that_follows_it_make_the_book() -> None:
    one = decoder()
    (first,) = decoded(one, SNAPSHOT).messages
    assert (first.kind, first.seq, first.venue_time) == ("book", (10, 10), 1622627433440000)
    assert first.top == Top(D("100.5"), D("0.1990049751"), D(101), D("0.297029703"))
    (second,) = decoded(one, CHANGE).messages
    assert second.events == (
        BookChange("bid", D("100.5"), D(0), None, "delete", 25, D(0)),
        BookChange("bid", D(100), D("0.7"), None, "new", 25, D(70)),
    )
    assert second.top == Top(D(100), D("0.7"), D(101), D("0.297029703"))


def test_a_broken_chain_ends_the_book_until_a_new_snapshot_that_is_asked_for() -> None:
    one = decoder()
    decoded(one, SNAPSHOT)
    broken = decoded(one, CHANGE.replace(b'"prev_change_id":10', b'"prev_change_id":11'))
    gap, change = broken.messages
    assert gap.events == (LedgerEntry("gap", "broken_chain", detail="change 11 where 10 was due"),)
    assert change.top is None and not broken.resync
    requests = [json.loads(send.text) for send in broken.requests]
    assert [(ask["method"], ask["params"]["channels"]) for ask in requests] == [
        ("public/unsubscribe", [f"book.{NAME}.100ms"]),
        ("public/subscribe", [f"book.{NAME}.100ms"]),
    ]
    later = decoded(one, CHANGE.replace(b"10,", b"90,").replace(b":25", b":91"))
    assert [message.kind for message in later.messages] == ["book"] and not later.requests
    assert later.messages[0].top is None
    recovered, again = decoded(one, SNAPSHOT).messages
    assert recovered.events == (LedgerEntry("recovered", "snapshot"),)
    assert again.top == Top(D("100.5"), D("0.1990049751"), D(101), D("0.297029703"))


def test_a_change_before_any_snapshot_is_a_broken_chain() -> None:
    assert decoded(decoder(), CHANGE).messages[0].kind == "ledger"


def test_an_empty_book_of_change_id_zero_is_followed() -> None:
    one = decoder()
    decoded(one, book("snapshot", '"change_id":0,"prev_change_id":null', "[]", "[]"))
    change = decoded(one, CHANGE.replace(b'"prev_change_id":10', b'"prev_change_id":0'))
    assert [message.kind for message in change.messages] == ["book"]


def test_a_grouped_book_gives_what_differs_from_the_picture_before() -> None:
    one = decoder()
    (first,) = decoded(one, GROUPED).messages
    assert first.top == Top(D("89532.5"), D("2.8470108620"), D(89533), D("1.0227513878"))
    assert [change.reason for change in first.events if isinstance(change, BookChange)] == [
        "initial"
    ] * 3
    data = GROUPED.replace(b'"change_id":5', b'"change_id":9').replace(b"[89532.5,254900.0],", b"")
    (second,) = decoded(one, data).messages
    assert second.events == (BookChange("bid", D("89532.5"), D(0), None, "picture", 9, D(0)),)
    assert second.top == Top(D(89532), D("0.0111691909"), D(89533), D("1.0227513878"))
    assert decoded(one, GROUPED).messages == () and one.ignored == {"repeated": 1}


def test_a_run_of_trades_is_one_message_and_a_hole_parts_two() -> None:
    one = decoder()
    (run,) = decoded(one, trades(7, 8)).messages
    assert (run.kind, run.seq) == ("trade", (7, 8))
    assert run.events[0] == Trade(
        "ETH-7", D("56168.5"), D("0.0001780357"), "sell", 1616321478553000, amount=D(10)
    )
    gap, first, second = decoded(one, trades(8, 9, 12)).messages
    assert gap.events == (LedgerEntry("gap", "missing", 10, 11),)
    assert (first.seq, second.seq) == ((9, 9), (12, 12)) and one.ignored["repeated"] == 1


def test_the_trades_between_two_connections_are_a_gap() -> None:
    gap, _ = decoded(decoder({NAME: 5}), trades(9)).messages
    assert gap.events == (LedgerEntry("gap", "missing", 6, 8),)


def test_an_empty_side_of_a_ticker_is_no_price() -> None:
    (message,) = decoded(decoder(), TICKER).messages
    assert message.events == (
        Ticker(
            last=D(29931),
            low=D("29265.5"),
            ask=D("29932.5"),
            ask_quantity=D("0.0003340850"),
            base_volume=D("17945.19644566"),
            ask_amount=D(10),
        ),
    )


def ticker(instrument: str, **fields: Any) -> Ticker:
    """What is decoded of a ticker with these fields alone."""
    data = {"timestamp": 1654161785818, "instrument_name": instrument, "last_price": None}
    params = {"channel": f"ticker.{instrument}.100ms", "data": data | fields}
    one = DeribitDecoder(instruments={instrument: instrument}, conn="c")
    text = json.dumps({"jsonrpc": "2.0", "method": "subscription", "params": params})
    (message,) = decoded(one, text.encode()).messages
    (event,) = message.events
    assert isinstance(event, Ticker) and message.symbol == instrument
    return event


def test_a_perpetuals_funding_index_mark_and_open_interest_are_kept() -> None:
    stats = {"volume": 2.5, "volume_usd": 75000.0, "price_change": -5.4014}
    event = ticker(
        "BTC-PERPETUAL",
        stats=stats,
        mark_price=29932.79,
        index_price=29930.44,
        settlement_price=29945.69,
        estimated_delivery_price=29930.44,
        open_interest=559791310,
        current_funding=-0.0000012,
        funding_8h=2.55e-06,
    )
    assert event == Ticker(
        last=None,
        base_volume=D("2.5"),
        quote_volume=D(75000),
        change_percent=D("-5.4014"),
        mark_price=D("29932.79"),
        index_price=D("29930.44"),
        settlement_price=D("29945.69"),
        delivery_price=D("29930.44"),
        open_interest=D("18701.6081695024"),  # 559791310 / 29932.79, as bc says
        open_interest_amount=D(559791310),
        funding_rate=D("-0.0000012"),
        funding_8h=D("0.00000255"),
    )


def test_an_options_greeks_and_volatilities_are_kept_though_it_was_never_traded() -> None:
    greeks = {"vega": 1.64829, "theta": -4.39264, "rho": -0.62314, "gamma": 0.00121, "delta": -0.6}
    event = ticker(
        "ETH-30APR21-2560-P",
        stats={"volume": 276.0, "volume_usd": 9.5},
        greeks=greeks,
        mark_iv=67.35,
        bid_iv=60.76,
        ask_iv=68.88,
        underlying_index="ETH-30APR21",
        underlying_price=2413.36,
        interest_rate=0.0,
        open_interest=1047.0,
    )
    assert event == Ticker(
        last=None,
        base_volume=D(276),
        open_interest=D(1047),
        underlying="ETH-30APR21",
        underlying_price=D("2413.36"),
        interest_rate=D("0.0"),
        mark_volatility=D("67.35"),
        bid_volatility=D("60.76"),
        ask_volatility=D("68.88"),
        delta=D("-0.6"),
        gamma=D("0.00121"),
        theta=D("-4.39264"),
        vega=D("1.64829"),
        rho=D("-0.62314"),
    )


def test_a_detail_that_fits_no_column_is_rejected_alone() -> None:
    assert ticker("BTC-PERPETUAL", funding_8h=1e-13, mark_price=5) == Ticker(
        last=None, mark_price=D(5)
    )


@pytest.mark.parametrize(
    ("flag", "whose"), [("M", "maker"), ("T", "taker"), ("MT", "both"), (None, None)]
)
def test_a_trade_says_whose_order_was_a_liquidation(flag: str | None, whose: str | None) -> None:
    fields = {} if flag is None else {"liquidation": flag}
    data = deribit_array(deribit_trade(5, block_trade_id="BLOCK-7", **fields))
    (event,) = decoded(decoder(), data).messages[0].events
    assert isinstance(event, Trade)
    assert (event.liquidation, event.block_trade_id) == (whose, "BLOCK-7")


def test_a_log_in_is_renewed_before_it_ends_with_its_own_token() -> None:
    reply = b'{"jsonrpc":"2.0","id":1,"result":{"expires_in":900,"refresh_token":"R1"}}'
    (send,) = decoded(decoder(), reply).requests
    assert send.after_s == 720 and json.loads(send.text)["params"] == {
        "grant_type": "refresh_token",
        "refresh_token": "R1",
    }
    assert "R1" not in repr(send)


def test_a_test_request_is_answered_and_a_heartbeat_is_not() -> None:
    beat = '{"jsonrpc":"2.0","method":"heartbeat","params":{"type":"%s"}}'
    one = decoder()
    (send,) = decoded(one, (beat % "test_request").encode()).requests
    assert json.loads(send.text)["method"] == "public/test"
    assert decoded(one, (beat % "heartbeat").encode()) == DecodedFrame(())


def test_channels_left_out_and_errors_are_refused_by_name() -> None:
    one = DeribitDecoder(instruments={}, conn="c", channels=("book.A.100ms", "trades.B.100ms"))
    with pytest.raises(RejectedFrame, match=r"not subscribed: trades\.B\.100ms"):
        decoded(one, b'{"jsonrpc":"2.0","id":3,"result":["book.A.100ms"]}')
    with pytest.raises(RejectedFrame, match="venue_error: request 3: 13778 raw"):
        decoded(one, b'{"id":3,"error":{"code":13778,"message":"raw"}}')
    with pytest.raises(RejectedFrame, match="unknown_symbol"):
        decoded(one, SNAPSHOT)


def test_numbers_do_not_pass_through_float_and_too_fine_ones_are_refused() -> None:
    data = trades(1).replace(b"56168.5", b"123456789012.12345678")
    (message,) = decoded(decoder(), data).messages
    (trade,) = message.events
    assert isinstance(trade, Trade) and trade.price == D("123456789012.12345678")
    with pytest.raises(RejectedFrame, match="too_fine"):
        decoded(decoder(), trades(1).replace(b"56168.5", b"0.123456789"))


def test_the_link_logs_in_only_with_a_key_and_never_prints_it() -> None:
    (plain,) = stream_specs("deribit", venues=Venues())
    assert [json.loads(text)["method"] for text in plain.subscribe] == [
        "public/set_heartbeat",
        "public/subscribe",
    ]
    assert json.loads(plain.subscribe[1])["params"]["channels"] == [
        "book.BTC-PERPETUAL.100ms",
        "trades.BTC-PERPETUAL.100ms",
        "ticker.BTC-PERPETUAL.100ms",
    ]
    secret = Venues(deribit=DeribitSettings(key=Secret("k"), secret=Secret("s3cret")))
    (keyed,) = stream_specs("deribit", venues=secret)
    assert json.loads(keyed.subscribe[0])["params"]["client_secret"] == "s3cret"
    assert "s3cret" not in repr(keyed)


def test_a_spot_symbol_is_spelled_with_an_underscore() -> None:
    assert (INSTRUMENTS.to_venue("BTC-USDC"), INSTRUMENTS.to_venue(NAME)) == ("BTC_USDC", NAME)


@given(
    st.sampled_from([SNAPSHOT, CHANGE, GROUPED, TICKER, trades(1, 2)]),
    st.integers(0, 500),
    st.integers(0, 30),
    st.binary(max_size=6),
)
def test_mutated_frames_are_decoded_or_rejected(data: bytes, at: int, cut: int, new: bytes) -> None:
    one = decoder()
    decoded(one, SNAPSHOT)
    try:
        found = decoded(one, data[:at] + new + data[at + cut :])
    except RejectedFrame as refused:
        assert refused.reason.isidentifier()
        return
    for message in found.messages:
        assert wire.decode(wire.encode(message)) == message
