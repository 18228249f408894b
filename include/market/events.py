"""Events: the facts decoded from frames, and the messages that carry them over Kafka.

Money is `Decimal`. Times are whole microseconds since the epoch, UTC, as on the wire; Spark and
the readers turn them into timestamps. Everything here is a frozen msgspec Struct, so that decoding
a venue's JSON, encoding for Kafka and checking types is one pass of compiled code. None can be
part of a cycle, so the garbage collector need not look at them.
"""

from decimal import Decimal
from typing import Literal

import msgspec

from include.market.auction import Auction

VERSION = 1  # of the wire: what `v` is in every message
Side = Literal["buy", "sell"]
BookSide = Literal["bid", "ask"]
MAIN_ACCOUNT = "main"  # of the trader; what has no name of an account is of this one
INITIAL = "initial"  # reason of a change that belongs to a snapshot


class Trade(
    msgspec.Struct, frozen=True, gc=False, omit_defaults=True, tag_field="type", tag="trade"
):
    """One trade, or one aggregate of trades of a single taker order at one price.

    `side` is the aggressor's (null if the venue does not send it). `first_trade_id` and
    `last_trade_id` differ for aggregates only. `trade_id` is unique per venue and symbol until the
    venue begins again. `amount` is the venue's own where it counts quote units (inverse
    contracts); `quantity` is base units everywhere. `liquidation` is whose order was one: maker,
    taker or both (null: neither), `block_trade_id` that of the block trade it is a part of.
    `condition` is null of a trade in the continuous book, else `auction` or `block`.
    """

    trade_id: str
    price: Decimal
    quantity: Decimal
    side: Side | None
    traded_at: int
    first_trade_id: int | None = None
    last_trade_id: int | None = None
    amount: Decimal | None = None
    liquidation: str | None = None
    block_trade_id: str | None = None
    condition: str | None = None


class Ticker(
    msgspec.Struct, frozen=True, gc=False, omit_defaults=True, tag_field="type", tag="ticker"
):
    """A rolling 24-hour summary of one symbol, with the best bid and ask; of contracts more.

    `bid_amount`, `ask_amount` and `open_interest_amount` are the venue's own where it counts quote
    units. Units are those of the columns (`include/lake/tables.py`). `last` is null of what was not
    traded yet.
    """

    last: Decimal | None
    open: Decimal | None = None
    high: Decimal | None = None
    low: Decimal | None = None
    bid: Decimal | None = None
    bid_quantity: Decimal | None = None
    ask: Decimal | None = None
    ask_quantity: Decimal | None = None
    base_volume: Decimal | None = None
    quote_volume: Decimal | None = None
    trade_count: int | None = None
    bid_amount: Decimal | None = None
    ask_amount: Decimal | None = None
    change: Decimal | None = None
    change_percent: Decimal | None = None
    average: Decimal | None = None
    previous_close: Decimal | None = None
    last_quantity: Decimal | None = None
    first_trade_id: int | None = None
    last_trade_id: int | None = None
    window_start: int | None = None
    window_end: int | None = None
    mark_price: Decimal | None = None
    index_price: Decimal | None = None
    settlement_price: Decimal | None = None
    delivery_price: Decimal | None = None
    open_interest: Decimal | None = None
    open_interest_amount: Decimal | None = None
    funding_rate: Decimal | None = None
    funding_8h: Decimal | None = None
    underlying: str | None = None
    underlying_price: Decimal | None = None
    interest_rate: Decimal | None = None
    mark_volatility: Decimal | None = None
    bid_volatility: Decimal | None = None
    ask_volatility: Decimal | None = None
    delta: Decimal | None = None
    gamma: Decimal | None = None
    theta: Decimal | None = None
    vega: Decimal | None = None
    rho: Decimal | None = None


class BookChange(
    msgspec.Struct, frozen=True, gc=False, omit_defaults=True, tag_field="type", tag="change"
):
    """One price level's new state: `remaining` is absolute, zero removes the level.

    `amount` is the venue's own remaining amount where it counts quote units (inverse contracts).
    """

    side: BookSide
    price: Decimal
    remaining: Decimal
    delta: Decimal | None = None
    reason: str | None = None
    venue_event_id: int | None = None
    amount: Decimal | None = None


class Quote(msgspec.Struct, frozen=True, gc=False, tag_field="type", tag="quote"):
    """A polled supplier's price of one base unit in `currency`."""

    price: Decimal
    currency: str


class LedgerEntry(msgspec.Struct, frozen=True, gc=False, tag_field="type", tag="ledger"):
    """One fact about a feed: `entry` is which, `cause` why, `first_seq..last_seq` what lacks.

    `entry` is one of connect, disconnect, stale, recovered; gap (numbers are missing), jump (they
    may be: one number was far ahead), renumbered (numbers fell), dropped; healed, lost (a hole is
    closed, with its trades or without).
    """

    entry: str
    cause: str
    first_seq: int | None = None
    last_seq: int | None = None
    detail: str | None = None


class Reject(msgspec.Struct, frozen=True, gc=False, tag_field="type", tag="reject"):
    """A rejected frame: no decoder understood it. `payload` is its bytes in base64."""

    reason: str
    detail: str
    payload: str


class Top(msgspec.Struct, frozen=True, gc=False):
    """Best bid and ask with their quantities after a frame."""

    bid: Decimal
    bid_quantity: Decimal
    ask: Decimal
    ask_quantity: Decimal


class Decision(msgspec.Struct, frozen=True, gc=False, tag_field="type", tag="decision"):
    """What the trader concluded from one signal, order or not.

    `inputs` is the JSON text of everything the rule saw, so that the decision can be derived again.
    The balances are those before it: what the account holds, and what of it an order may take.
    """

    decision_id: str
    rule: str
    action: Literal["buy", "sell", "hold"]
    reasons: str
    window_start: int
    ratio: Decimal | None
    side_next: str | None
    bid: Decimal | None
    ask: Decimal | None
    quantity: Decimal | None
    price: Decimal | None
    forecast_id: str | None
    inputs: str
    side_now: str | None = None
    base_total: Decimal | None = None
    base_available: Decimal | None = None
    quote_total: Decimal | None = None
    quote_available: Decimal | None = None
    account: str = MAIN_ACCOUNT


class Order(msgspec.Struct, frozen=True, gc=False, tag_field="type", tag="order"):
    """One order as the venue (or the paper account) left it: immediate or cancel, at a limit.

    `average_price` is that of its executions, `remaining` what was not executed of it;
    `venue_order_id` and `ordered_at` (µs) are the venue's own, which the paper account has not.
    """

    order_id: str
    decision_id: str
    broker: str
    side: Side
    price: Decimal
    quantity: Decimal
    executed: Decimal
    status: str
    reason: str | None = None
    average_price: Decimal | None = None
    remaining: Decimal | None = None
    venue_order_id: str | None = None
    ordered_at: int | None = None
    account: str = MAIN_ACCOUNT


class Fill(msgspec.Struct, frozen=True, gc=False, tag_field="type", tag="fill"):
    """One execution of an order; `fee` is in quote units, `base_fee` (often none) in base units."""

    fill_id: str
    order_id: str
    side: Side
    price: Decimal
    quantity: Decimal
    fee: Decimal
    base_fee: Decimal | None = None
    account: str = MAIN_ACCOUNT


class Balance(msgspec.Struct, frozen=True, gc=False, tag_field="type", tag="balance"):
    """What the account holds of one currency after an order, and what of it is available."""

    currency: str
    amount: Decimal
    order_id: str | None = None
    available: Decimal | None = None
    account: str = MAIN_ACCOUNT


class Score(msgspec.Struct, frozen=True, gc=False, tag_field="type", tag="score"):
    """A sale scored against the last buy: profit in the quote currency, fees included.

    `hold_profit` is what having bought once and held would have earned by then, at the price sold.
    """

    order_id: str
    buy_order_id: str
    profit: Decimal
    cumulative_profit: Decimal
    buy_price: Decimal
    sell_price: Decimal
    quantity: Decimal
    hold_profit: Decimal | None = None
    account: str = MAIN_ACCOUNT


Event = (
    Trade
    | Auction
    | Ticker
    | BookChange
    | Quote
    | LedgerEntry
    | Reject
    | Decision
    | Order
    | Fill
    | Balance
    | Score
)


class Message(msgspec.Struct, frozen=True, gc=False):
    """One Kafka message: the events that one frame holds for one topic.

    `seq` is the venue's own sequence number or id range (first, last), null if it has none.
    `venue_time` is null where the venue gives none. `top` is the best bid and ask after this frame
    (market.book only), null while the book is invalid.
    """

    venue: str
    symbol: str
    kind: str
    conn: str
    seq: tuple[int, int] | None
    venue_time: int | None
    received_time: int
    events: tuple[Event, ...]
    top: Top | None = None
    v: int = VERSION


class Frame(msgspec.Struct, frozen=True, gc=False):
    """One message as the venue sent it, with its time of receipt."""

    data: bytes
    received_time: int
