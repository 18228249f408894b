"""Deribit's JSON-RPC 2.0 as it is on the wire; JSON numbers become Decimal without a float. Pure.

Source: docs.deribit.com (to 2026-02-24). Amounts are USD for perpetual and inverse futures, base
units for options, spot and linear instruments; they are passed on as the venue sends them.
"""

from decimal import Decimal
from typing import Literal

import msgspec

from include.market.events import Ticker, Top, Trade
from streaming.feeds.decoding import (
    PRICE_STEP,
    QUANTITY_STEP,
    Id,
    Millis,
    require_not_negative,
    require_positive,
    require_positive_pair,
    to_micros,
)

Action = Literal["new", "change", "delete"]
Level = tuple[Action, Decimal, Decimal]


class Failure(msgspec.Struct, frozen=True):
    """What is wrong with a request."""

    code: int
    message: str = ""


class Params(msgspec.Struct, frozen=True):
    """A notification's channel and content, or a heartbeat's type."""

    channel: str = ""
    data: msgspec.Raw = msgspec.Raw()
    type: str = ""


class Envelope(msgspec.Struct, frozen=True):
    """Any frame: a reply has an id, a notification a method."""

    method: str = ""
    params: Params | None = None
    id: int | str | None = None
    result: msgspec.Raw = msgspec.Raw()
    error: Failure | None = None


class Token(msgspec.Struct, frozen=True):
    """The answer to public/auth."""

    expires_in: int
    refresh_token: str


class IncrementalBook(msgspec.Struct, frozen=True):
    """An incremental book: the whole of it (snapshot), or its change since `prev_change_id`."""

    type: Literal["snapshot", "change"]
    timestamp: Millis
    instrument_name: str
    change_id: Id
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    prev_change_id: Id | None = None


class GroupedBook(msgspec.Struct, frozen=True):
    """A grouped book: always the whole picture of the best levels."""

    timestamp: Millis
    instrument_name: str
    change_id: Id
    bids: tuple[tuple[Decimal, Decimal], ...]
    asks: tuple[tuple[Decimal, Decimal], ...]


class DeribitTrade(msgspec.Struct, frozen=True):
    """One trade; `trade_seq` is consecutive per instrument, `direction` the taker's."""

    trade_seq: Id
    trade_id: str
    timestamp: Millis
    price: Decimal
    amount: Decimal
    direction: Literal["buy", "sell"]
    instrument_name: str


class Stats(msgspec.Struct, frozen=True):
    """24 hours; null while the instrument is idle."""

    high: Decimal | None = None
    low: Decimal | None = None
    volume: Decimal | None = None


class DeribitTicker(msgspec.Struct, frozen=True):
    """A ticker; an empty side is price 0."""

    timestamp: Millis
    instrument_name: str
    last_price: Decimal | None
    stats: Stats
    best_bid_price: Decimal | None = None
    best_bid_amount: Decimal | None = None
    best_ask_price: Decimal | None = None
    best_ask_amount: Decimal | None = None


def trade_of(trade: DeribitTrade) -> Trade:
    """The trade.

    Raises:
        RejectedFrame: a number does not fit.
    """
    require_positive_pair(trade.price, trade.amount)
    return Trade(
        trade_id=trade.trade_id,
        price=trade.price,
        quantity=trade.amount,
        side=trade.direction,
        traded_at=to_micros(trade.timestamp),
    )


def ticker_of(ticker: DeribitTicker, *, last_price: Decimal) -> Ticker:
    """The ticker.

    Raises:
        RejectedFrame: a number does not fit.
    """
    require_positive(last_price, PRICE_STEP)
    stats = ticker.stats
    for price in (stats.high, stats.low, ticker.best_bid_price, ticker.best_ask_price):
        require_not_negative(price or Decimal(0), PRICE_STEP)
    for amount in (stats.volume, ticker.best_bid_amount, ticker.best_ask_amount):
        require_not_negative(amount or Decimal(0), QUANTITY_STEP)
    return Ticker(
        last=last_price,
        high=stats.high,
        low=stats.low,
        base_volume=stats.volume,
        bid=ticker.best_bid_price or None,
        bid_quantity=ticker.best_bid_amount or None,
        ask=ticker.best_ask_price or None,
        ask_quantity=ticker.best_ask_amount or None,
    )


def top_of(picture: GroupedBook) -> Top | None:
    """The first level of both sides; null while one is empty or they cross."""
    if not picture.bids or not picture.asks or picture.bids[0][0] >= picture.asks[0][0]:
        return None
    (bid, bid_quantity), (ask, ask_quantity) = picture.bids[0], picture.asks[0]
    return Top(bid=bid, bid_quantity=bid_quantity, ask=ask, ask_quantity=ask_quantity)
