"""Kafka records applied to the state."""

import math
from collections.abc import Iterator
from decimal import Decimal
from typing import TypeVar

import msgspec
from msgspec import structs

from include.bus import Record, TopicPartition
from include.errors import WireError
from include.market import wire
from include.market.auction import Auction
from include.market.average import AVERAGE_PRICE
from include.market.events import LedgerEntry, Message, Quote, Ticker, Trade
from include.market.feed_entries import is_of_supplier, list_entries
from include.market.jumps import JUMP
from include.market.time import (
    AHEAD_OF_RECEIPT_US,
    EARLIEST_US,
    LATEST_US,
    SECOND_US,
    believed_receipt,
    may_hold,
)
from include.market.tops import TopMessage, decode_top, is_sane
from include.market.venues import HEALING, VENUES
from include.market.wire import Topic
from include.trading.inputs import Signal
from streaming.dashboard.series import (
    AuctionPrice,
    BestPrices,
    ContractValues,
    MarketSeries,
    SecondValues,
)
from streaming.dashboard.state import DashboardState
from streaming.dashboard.trader_activity import TraderEvent

T = TypeVar("T", bound=msgspec.Struct)
_SAME_CLOCK_US = 3600 * SECOND_US


class _MeasuredSignal(Signal, frozen=True):
    """A signal with the receipt (µs) of the message it was measured on, where that is known."""

    received_time: int | None = None


_signal_decoder: msgspec.json.Decoder[_MeasuredSignal] = msgspec.json.Decoder(_MeasuredSignal)


def apply_record(state: DashboardState, record: Record, *, now_s: float = math.inf) -> None:
    """Add a Kafka record to the state; one that cannot be read is counted and skipped.

    So is one that holds a time after its stamp. `now_s` is the wall clock: nothing was seen
    after it.
    """
    stamp_us = record.kafka_time_ms * 1000
    try:
        decoded = _believe(_decode(record), stamp_us)
    except (WireError, msgspec.MsgspecError, UnicodeDecodeError):
        with state.lock:
            state.unreadable += 1
        return
    with state.lock:
        state.offsets[TopicPartition(record.topic, record.partition)] = record.offset + 1
        if not all(may_hold(stamp_us, time_us) for time_us in _times_of(decoded)):
            state.unreadable += 1
            return
        seen_s = _seen_s(decoded, stamp_us, now_s)
        if isinstance(decoded, _MeasuredSignal):
            _apply_signal(state, decoded, seen_s)
        elif isinstance(decoded, TopMessage):
            _apply_book(state, decoded, seen_s)
        elif record.topic.startswith("trading."):
            for event in decoded.events:
                if isinstance(event, TraderEvent):
                    state.activity_of(event.account).add(event, decoded.venue_time)
        elif record.topic != Topic.REJECTS:
            for entry in list_entries(decoded, stamped_us=max(0, stamp_us)):
                state.feeds.take(entry)
            _apply_message(state, decoded, seen_s)


def _believe(decoded: T, stamp_us: int) -> T:
    """The message with the time of receipt that is believed of it."""
    received_us = getattr(decoded, "received_time", None)
    if received_us is None or received_us == believed_receipt(received_us, stamp_us):
        return decoded
    return structs.replace(decoded, received_time=stamp_us)


def _times_of(decoded: _MeasuredSignal | TopMessage | Message) -> Iterator[int]:
    """The times of the market in a record, in µs."""
    if isinstance(decoded, _MeasuredSignal):
        yield decoded.timestamp
        return
    if decoded.venue_time is not None:
        yield decoded.venue_time
    if isinstance(decoded, Message):
        yield from (event.traded_at for event in decoded.events if isinstance(event, Trade))


def _seen_s(decoded: _MeasuredSignal | TopMessage | Message, stamp_us: int, now_s: float) -> float:
    """When a record came (wall clock); 0 if neither its stamp nor its receipt is plausible.

    It is the earlier of both: what a feed's spool held back is as old as its receipt.
    """
    received_us = getattr(decoded, "received_time", None) or 0
    latest_us = min(LATEST_US, now_s * SECOND_US + AHEAD_OF_RECEIPT_US)
    plausible = (at for at in (stamp_us, received_us) if EARLIEST_US <= at <= latest_us)
    return min(plausible, default=0) / SECOND_US


def _decode(record: Record) -> _MeasuredSignal | TopMessage | Message:
    if record.topic == Topic.SIGNALS:
        return _signal_decoder.decode(record.value)
    if record.topic == Topic.BOOK:
        return decode_top(record.value)
    return wire.decode(record.value)


def _apply_message(state: DashboardState, message: Message, seen_s: float) -> None:
    venue = message.venue
    for event in message.events:
        if isinstance(event, LedgerEntry):
            continue
        at_us = _advance_clock(state, message, seen_s)
        if isinstance(event, Trade):
            _apply_trade(state, state.series_of(venue, message.symbol), event, seen_s)
        elif isinstance(event, Ticker):
            if event.last is not None:
                _set_price(state.series_of(venue, message.symbol), event.last, at_us, seen_s)
            if values := _read_contract(event):
                series = state.series_of(venue, message.symbol)
                series.contracts.put(at_us // SECOND_US, values)
                series.contract_seen_s = seen_s
        elif isinstance(event, Auction):
            _apply_auction(state.series_of(venue, message.symbol), event, seen_s)
        elif isinstance(event, Quote):
            symbol = f"{message.symbol.partition('-')[0]}-{event.currency}"
            _set_price(state.series_of(venue, symbol), event.price, at_us, seen_s)


def _apply_trade(state: DashboardState, series: MarketSeries, trade: Trade, seen_s: float) -> None:
    if trade.condition is not None:  # of an auction or a block trade: no price of this moment
        return
    if not (_is_plausible(trade.price) and _is_plausible(trade.quantity)):
        state.unreadable += 1
        return
    _set_price(series, trade.price, trade.traded_at, seen_s)
    series.trade_seen_s = seen_s
    series.minutes.add(trade)


def _read_contract(contract_ticker: Ticker) -> ContractValues | None:
    """What a ticker has of a future or a perpetual; null of a spot market and of an option."""
    amounts = (
        contract_ticker.mark_price,
        contract_ticker.index_price,
        contract_ticker.open_interest,
    )
    mark, index, interest = (float(n) if n and _is_plausible(n) else None for n in amounts)
    funding = (
        contract_ticker.funding_8h
        if contract_ticker.funding_8h is not None
        else contract_ticker.funding_rate
    )
    share = None if funding is None or not is_sane(abs(funding)) else float(funding)
    if contract_ticker.underlying is not None or (mark, interest, share) == (None, None, None):
        return None
    return ContractValues(mark, index, interest, share)


def _apply_auction(series: MarketSeries, auction: Auction, seen_s: float) -> None:
    """Keep the price of an auction; its announcement and a failed one have none."""
    if auction.price is None or not _is_plausible(auction.price):
        return
    quantity = float(auction.quantity or 0)
    price = AuctionPrice(float(auction.price), quantity, auction.phase == "result")
    series.auctions.put(auction.published_at // SECOND_US, price)
    series.auction_seen_s = seen_s


def _apply_book(state: DashboardState, book: TopMessage, seen_s: float) -> None:
    at_us = _advance_clock(state, book, seen_s)
    if book.kind == "heartbeat":
        return
    series, best = state.series_of(book.venue, book.symbol), None
    if book.top and all(map(_is_plausible, msgspec.structs.astuple(book.top))):
        best = BestPrices(float(book.top.bid), float(book.top.ask))
        series.book_seen_s = seen_s
    series.tops.put(at_us // SECOND_US, best)


def _apply_signal(state: DashboardState, signal: _MeasuredSignal, seen_s: float) -> None:
    if signal.type == AVERAGE_PRICE:
        if _is_plausible(signal.value):
            averages = state.averages.setdefault(signal.symbol, SecondValues(state.keep_s))
            averages.put(signal.timestamp // SECOND_US, float(signal.value))
        return
    series, value = state.series_of(signal.venue, signal.symbol), signal.value
    if signal.type in series.sums and _is_plausible(value):
        series.sums[signal.type].put(signal.timestamp // SECOND_US, float(value))
        return
    if signal.type == "price_volume" and _is_plausible(value):
        series.ratios.put(signal.timestamp // SECOND_US, float(value))
        series.signal_seen_s = seen_s
        return
    if signal.type == JUMP:
        if value.is_finite():
            series.jumps.put(signal.timestamp // SECOND_US, float(value))
        return
    without_venue_time = signal.timestamp == signal.received_time
    second = (signal.timestamp + (state.clock_skew_us if without_venue_time else 0)) // SECOND_US
    if signal.type == "mid_price" and _is_plausible(value):
        series.mids.put(second, float(value))
        series.measure_seen_s = seen_s
    elif signal.type == "imbalance" and value.is_finite() and abs(value) <= 1:
        series.imbalances.put(second, float(value))
        series.measure_seen_s = seen_s


def _advance_clock(state: DashboardState, message: Message | TopMessage, seen_s: float) -> int:
    """Advance the market clock; the market time (µs) of an event, also if the venue gave none."""
    is_polled = message.venue in VENUES and is_of_supplier(message.conn)
    if not message.conn.startswith(HEALING):  # a refilled trade shows no feed
        seen_by_venue = state.polled_seen_s if is_polled else state.frames_seen_s
        last_seen_s = seen_by_venue.get(message.venue, 0.0)
        seen_by_venue[message.venue] = max(last_seen_s, seen_s)
    venue_us, received_us = message.venue_time, message.received_time
    if venue_us is not None:
        skew_us = venue_us - received_us
        state.clock_skew_us = skew_us if abs(skew_us) > _SAME_CLOCK_US else 0
        state.clock_us = venue_us
    elif not state.clock_skew_us and EARLIEST_US <= received_us < LATEST_US:
        state.clock_us = received_us
    state.clock_seen_s = max(state.clock_seen_s, seen_s)
    return venue_us if venue_us is not None else received_us + state.clock_skew_us


def _set_price(series: MarketSeries, price: Decimal, at_us: int, seen_s: float) -> None:
    if _is_plausible(price):
        series.price, series.price_seen_s = float(price), seen_s
        series.prices.put(at_us // SECOND_US, float(price))


def _is_plausible(number: Decimal) -> bool:
    return is_sane(number) and number > 0
