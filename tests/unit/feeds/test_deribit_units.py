"""Deribit's amounts in base units, by the kind of instrument, with the venue's own beside them."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from include.lake.minutes import changed_minutes
from include.market.events import BookChange, Ticker, Trade
from include.market.liquidity import book_flow
from include.market.windows import Windows
from streaming.feeds.venues.deribit.decoder import DeribitDecoder
from tests.support.lake_of_rows import put
from tests.support.venue_frames import (
    AT_MS,
    AT_US,
    decode,
    deribit_array,
    deribit_book,
    deribit_picture,
    deribit_trade,
    text,
)

D = Decimal
INVERSE = ("BTC-PERPETUAL", "ETH-PERPETUAL", "BTC-27MAR26", "ETH-3APR26")
BASE = ("BTC_USDC-PERPETUAL", "BTC-27MAR26-100000-C", "BTC_USDC", "SOL_USDC-27MAR26")


def traded(instrument: str, **fields: Any) -> Trade:
    one = DeribitDecoder(instruments={instrument: instrument}, conn="c")
    data = deribit_array(deribit_trade(1, instrument_name=instrument, **fields))
    (trade,) = decode(one, data).messages[0].events
    assert isinstance(trade, Trade)
    return trade


def perpetual() -> DeribitDecoder:
    return DeribitDecoder(instruments={"BTC-PERPETUAL": "BTC-PERPETUAL"}, conn="c")


@pytest.mark.parametrize("instrument", INVERSE)
def test_a_contract_in_dollars_is_base_units_at_its_price(instrument: str) -> None:
    trade = traded(instrument, price=85_000.0, amount=10)
    assert (trade.quantity, trade.amount) == (D("0.0001176471"), D(10))


@pytest.mark.parametrize("instrument", BASE)
def test_an_amount_in_base_units_stays(instrument: str) -> None:
    trade = traded(instrument, price=0.05, amount=0.1)
    assert (trade.quantity, trade.amount) == (D("0.1"), None)


def test_levels_tops_and_tickers_are_base_units_too() -> None:
    snapshot = deribit_book(
        "snapshot", 1, bids=[["new", 50_000.0, 100.0]], asks=[["new", 100_000.0, 50.0]]
    )
    (book,) = decode(perpetual(), snapshot).messages
    changes = [change for change in book.events if isinstance(change, BookChange)]
    assert [(change.remaining, change.amount) for change in changes] == [
        (D("0.002"), D(100)),
        (D("0.0005"), D(50)),
    ]
    assert book.top is not None
    assert (book.top.bid_quantity, book.top.ask_quantity) == (D("0.002"), D("0.0005"))
    (picture,) = decode(perpetual(), deribit_picture(1, bid="100")).messages
    assert picture.top is not None and picture.top.bid_quantity == D("0.1")
    data = {"timestamp": AT_MS, "instrument_name": "BTC-PERPETUAL", "last_price": 9.5, "stats": {}}
    data |= {"best_bid_price": 8.0, "best_bid_amount": 10.0, "best_ask_amount": 5.0}
    params = {"channel": "ticker.BTC-PERPETUAL.100ms", "data": data}
    (message,) = decode(perpetual(), text({"method": "subscription", "params": params})).messages
    assert message.events == (
        Ticker(last=D("9.5"), bid=D(8), bid_quantity=D("1.25"), bid_amount=D(10), ask_amount=D(5)),
    )


def test_the_minutes_have_dollars_as_quote_and_bitcoin_as_base(tmp_path: Path) -> None:
    trade, at = traded("BTC-PERPETUAL", price=85_000.0, amount=10), datetime(2026, 1, 1, tzinfo=UTC)
    row = {
        "venue": "deribit",
        "symbol": "BTC-PERPETUAL",
        "trade_id": "1",
        "price": trade.price,
        "quantity": trade.quantity,
        "amount": trade.amount,
        "side": "buy",
        "traded_at": at,
        "received_time": at,
    }
    put(str(tmp_path), "trades", [row])
    (minute,) = changed_minutes(str(tmp_path), {}).minutes.to_pylist()
    assert minute["total_quote_buy"] == 10 and minute["total_base_buy"] == D("0.0001176471")


def test_a_trade_worth_more_than_any_leaves_the_minutes_readable(tmp_path: Path) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    rows = [
        {
            "venue": "gemini",
            "symbol": "BTC-USD",
            "trade_id": str(n),
            "price": price,
            "quantity": quantity,
            "side": "buy",
            "traded_at": at,
            "received_time": at,
        }
        for n, (price, quantity) in enumerate([(D(2), D(3)), (D(999999999999), D(999999999))])
    ]
    put(str(tmp_path), "trades", rows)
    (minute,) = changed_minutes(str(tmp_path), {}).minutes.to_pylist()
    assert minute["total_quote_buy"] == 6 and minute["total_count_buy"] == 2


def test_a_snapshot_in_a_minute_is_no_liquidity() -> None:
    one, windows, many = perpetual(), Windows(window_s=60), range(500)
    bids, asks = [["change", 85_000.0, 10.0]], [["change", 85_001.0, 20.0]]
    frames = {
        0: deribit_book(
            "snapshot",
            1,
            bids=[["new", 85_000.0 - n, 1000.0] for n in many],
            asks=[["new", 85_001.0 + n, 100.0] for n in many],
        )
    } | {
        later: deribit_book("change", n + 1, before=n, bids=bids, asks=asks, ms=AT_MS + later)
        for n, later in ((1, 1000), (2, 80_000))
    }
    messages = [
        message
        for later, frame in frames.items()
        for message in decode(one, frame, received_us=AT_US + later * 1000).messages
    ]
    closed = [window for one in messages for window in windows.take(book_flow(one))]
    (ratio,) = [window.ratio for window in closed if window.bid is not None]
    assert ratio is not None and abs(ratio - 2) < D("0.0001")


@pytest.mark.parametrize(
    ("instrument", "mark", "expected"),
    [
        *((name, 50_000.0, (D("0.02"), D(1000))) for name in INVERSE),
        *((name, 50_000.0, (D(1000), None)) for name in BASE),
        ("BTC-PERPETUAL", None, (None, D(1000))),
    ],
)
def test_open_interest_is_base_units_by_the_mark_price(
    instrument: str, mark: float | None, expected: tuple[Decimal | None, Decimal | None]
) -> None:
    data = {"timestamp": AT_MS, "instrument_name": instrument, "last_price": 9.5, "stats": {}}
    data |= {"open_interest": 1000, "mark_price": mark}
    params = {"channel": f"ticker.{instrument}.100ms", "data": data}
    one = DeribitDecoder(instruments={instrument: instrument}, conn="c")
    (message,) = decode(one, text({"method": "subscription", "params": params})).messages
    (ticker,) = message.events
    assert isinstance(ticker, Ticker)
    assert (ticker.open_interest, ticker.open_interest_amount) == expected
