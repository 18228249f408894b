"""Deribit's JSON-RPC 2.0 as it is on the wire; JSON numbers become Decimal without a float. Pure.

Source: docs.deribit.com (to 2026-02-24). What amounts count is in `units.py`; events have base
units, and beside them the venue's own amount where it is another.
"""

from decimal import Decimal
from typing import Literal

import msgspec

from include.market.auction import BLOCK
from include.market.events import BookSide, Ticker, Top, Trade
from streaming.feeds.decoding import (
    PRICE_STEP,
    QUANTITY_STEP,
    RATIO_STEP,
    Id,
    RejectedParts,
    Time,
    require_finite,
    require_positive,
    require_positive_pair,
    to_micros,
)
from streaming.feeds.venues.deribit.units import counts_quote, is_combination, to_base

Action = Literal["new", "change", "delete"]
LevelChange = tuple[Action, Decimal, Decimal]


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
    timestamp: Time
    instrument_name: str
    change_id: Id
    bids: tuple[LevelChange, ...]
    asks: tuple[LevelChange, ...]
    prev_change_id: Id | None = None


class GroupedBook(msgspec.Struct, frozen=True):
    """A grouped book: always the whole picture of the best levels."""

    timestamp: Time
    instrument_name: str
    change_id: Id
    bids: tuple[tuple[Decimal, Decimal], ...]
    asks: tuple[tuple[Decimal, Decimal], ...]


class DeribitTrade(msgspec.Struct, frozen=True):
    """One trade; `trade_seq` is consecutive per instrument, `direction` the taker's."""

    trade_seq: Id
    trade_id: str
    timestamp: Time
    price: Decimal
    amount: Decimal
    direction: Literal["buy", "sell", "zero"]
    instrument_name: str
    liquidation: Literal["M", "T", "MT"] | None = None
    block_trade_id: str | None = None


class Stats(msgspec.Struct, frozen=True):
    """24 hours; null while the instrument is idle."""

    high: Decimal | None = None
    low: Decimal | None = None
    volume: Decimal | None = None
    volume_usd: Decimal | None = None
    price_change: Decimal | None = None


class Greeks(msgspec.Struct, frozen=True):
    """Sensitivities of an option's price, in USD."""

    delta: Decimal | None = None
    gamma: Decimal | None = None
    theta: Decimal | None = None
    vega: Decimal | None = None
    rho: Decimal | None = None


class DeribitTicker(msgspec.Struct, frozen=True):
    """A ticker; an empty side is price 0."""

    timestamp: Time
    instrument_name: str
    last_price: Decimal | None
    stats: Stats | None = None
    best_bid_price: Decimal | None = None
    best_bid_amount: Decimal | None = None
    best_ask_price: Decimal | None = None
    best_ask_amount: Decimal | None = None
    mark_price: Decimal | None = None
    index_price: Decimal | None = None
    settlement_price: Decimal | None = None
    estimated_delivery_price: Decimal | None = None
    open_interest: Decimal | None = None
    current_funding: Decimal | None = None
    funding_8h: Decimal | None = None
    underlying_index: str | None = None
    underlying_price: Decimal | None = None
    interest_rate: Decimal | None = None
    mark_iv: Decimal | None = None
    bid_iv: Decimal | None = None
    ask_iv: Decimal | None = None
    greeks: Greeks | None = None


LIQUIDATED: dict[str, str] = {"M": "maker", "T": "taker", "MT": "both"}


def trade_of(trade: DeribitTrade) -> Trade:
    """The trade, in base units.

    Raises:
        RejectedFrame: a number does not fit.
    """
    quantity, amount = trade.amount, None
    if is_combination(trade.instrument_name):
        require_finite(trade.price, PRICE_STEP)
        require_positive(quantity, QUANTITY_STEP)
    else:
        require_positive_pair(trade.price, quantity)
        quantity, amount = in_base(trade.instrument_name, quantity, trade.price)
        require_positive(quantity, QUANTITY_STEP)
    return Trade(
        trade_id=trade.trade_id,
        price=trade.price,
        quantity=quantity,
        side=None if trade.direction == "zero" else trade.direction,
        traded_at=to_micros(trade.timestamp),
        amount=amount,
        liquidation=LIQUIDATED[trade.liquidation] if trade.liquidation else None,
        block_trade_id=trade.block_trade_id,
        condition=BLOCK if trade.block_trade_id else None,
    )


def in_base(instrument: str, amount: Decimal, price: Decimal) -> tuple[Decimal, Decimal | None]:
    """The base units, and the venue's amount where it is quote units; price and amount fit."""
    if not counts_quote(instrument):
        return amount, None
    return (to_base(amount, price) if amount else amount), amount


def ticker_of(ticker: DeribitTicker, parts: RejectedParts) -> Ticker:
    """The ticker, in base units; what does not fit beside the last price is null, and rejected.

    Raises:
        RejectedFrame: the last price does not fit.
    """
    if ticker.last_price and is_combination(ticker.instrument_name):
        require_finite(ticker.last_price, PRICE_STEP)
    elif ticker.last_price:
        require_positive(ticker.last_price, PRICE_STEP)
    stats, greeks = ticker.stats or Stats(), ticker.greeks or Greeks()
    counts_usd = counts_quote(ticker.instrument_name)
    price, ratio = PRICE_STEP, RATIO_STEP
    bid, bid_quantity, bid_amount = _best(ticker, parts, "bid")
    ask, ask_quantity, ask_amount = _best(ticker, parts, "ask")
    open_interest, open_amount = _open_interest(ticker, parts)
    return Ticker(
        last=ticker.last_price or None,
        high=parts.fitting_or_null(stats.high, PRICE_STEP),
        low=parts.fitting_or_null(stats.low, PRICE_STEP),
        base_volume=parts.fitting_or_null(stats.volume, QUANTITY_STEP),
        bid=bid,
        bid_quantity=bid_quantity,
        ask=ask,
        ask_quantity=ask_quantity,
        bid_amount=bid_amount,
        ask_amount=ask_amount,
        quote_volume=parts.fitting_or_null(stats.volume_usd if counts_usd else None, QUANTITY_STEP),
        change_percent=parts.signed_or_null(stats.price_change, ratio),
        mark_price=parts.signed_or_null(ticker.mark_price, price),
        index_price=parts.fitting_or_null(ticker.index_price, price),
        settlement_price=parts.signed_or_null(ticker.settlement_price, price),
        delivery_price=parts.fitting_or_null(ticker.estimated_delivery_price, price),
        open_interest=open_interest,
        open_interest_amount=open_amount,
        funding_rate=parts.signed_or_null(ticker.current_funding, ratio),
        funding_8h=parts.signed_or_null(ticker.funding_8h, ratio),
        underlying=ticker.underlying_index,
        underlying_price=parts.fitting_or_null(ticker.underlying_price, price),
        interest_rate=parts.signed_or_null(ticker.interest_rate, ratio),
        mark_volatility=parts.fitting_or_null(ticker.mark_iv, ratio),
        bid_volatility=parts.fitting_or_null(ticker.bid_iv, ratio),
        ask_volatility=parts.fitting_or_null(ticker.ask_iv, ratio),
        delta=parts.signed_or_null(greeks.delta, ratio),
        gamma=parts.signed_or_null(greeks.gamma, ratio),
        theta=parts.signed_or_null(greeks.theta, ratio),
        vega=parts.signed_or_null(greeks.vega, ratio),
        rho=parts.signed_or_null(greeks.rho, ratio),
    )


def _best(
    ticker: DeribitTicker, parts: RejectedParts, side: BookSide
) -> tuple[Decimal | None, Decimal | None, Decimal | None]:
    """Best price of a side, its quantity in base units, and the venue's own amount."""
    price_and_amount = {
        "bid": (ticker.best_bid_price, ticker.best_bid_amount),
        "ask": (ticker.best_ask_price, ticker.best_ask_amount),
    }[side]
    price = parts.fitting_or_null(price_and_amount[0] or None, PRICE_STEP)
    amount: Decimal | None = parts.fitting_or_null(price_and_amount[1] or None, QUANTITY_STEP)
    if amount is None or (price is None and counts_quote(ticker.instrument_name)):
        return price, None, amount
    quantity, amount = in_base(ticker.instrument_name, amount, price or Decimal(1))
    return price, parts.fitting_or_null(quantity, QUANTITY_STEP), amount


def _open_interest(
    ticker: DeribitTicker, parts: RejectedParts
) -> tuple[Decimal | None, Decimal | None]:
    """Open contracts in base units, and the venue's own amount where it counts quote units.

    Those are base units at the mark price, by which the venue values positions.
    """
    amount: Decimal | None = parts.fitting_or_null(ticker.open_interest, QUANTITY_STEP)
    if amount is None or not counts_quote(ticker.instrument_name):
        return amount, None
    price = parts.fitting_or_null(ticker.mark_price or None, PRICE_STEP)
    if price is None:
        return None, amount
    return parts.fitting_or_null(
        in_base(ticker.instrument_name, amount, price)[0], QUANTITY_STEP
    ), amount


def top_of(picture: GroupedBook) -> Top | None:
    """The first level of both sides, in base units; null while one is empty or they cross."""
    if not picture.bids or not picture.asks or picture.bids[0][0] >= picture.asks[0][0]:
        return None
    (bid, bid_amount), (ask, ask_amount) = picture.bids[0], picture.asks[0]
    return Top(
        bid=bid,
        bid_quantity=in_base(picture.instrument_name, bid_amount, bid)[0],
        ask=ask,
        ask_quantity=in_base(picture.instrument_name, ask_amount, ask)[0],
    )
