"""The trader without Kafka, journal or clock: moments in, one step a signal out.

Backtest and replay differ from the running trader in where signals, tops and forecasts come from,
and in nothing else: strategy object, paper broker and parameters are the same.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from include.market.events import Decision, Fill, Order, Score, Top
from include.market.wire import TopicPartition
from include.settings import Settings
from include.trading.account import Account
from include.trading.inputs import Forecast, Place, SeenTop, Signal
from include.trading.rules import RULES, order_of
from include.trading.trader import Trader
from streaming.trader.brokers import Broker
from streaming.trader.depth import Depth
from streaming.trader.market import Follower, Market
from streaming.trader.parameters import parameters, rule_of
from streaming.trader.pulse import PulseMarket

InForce = Callable[[Signal], tuple[Forecast | None, str | None]]
_SECOND_US = 1_000_000


class Moment(NamedTuple):
    """A signal, where it lies, and the top of the book that belongs to it."""

    signal: Signal
    place: Place
    book: SeenTop | None


class Step(NamedTuple):
    """What one signal led to; `account` is as of after it."""

    decision: Decision
    at: int
    top: Top | None
    order: Order | None
    fills: tuple[Fill, ...]
    score: Score | None
    account: Account


def rehearse(
    moments: Iterable[Moment], *, trader: Trader, broker: Broker, in_force: InForce
) -> Iterator[Step]:
    """Decide on every moment and settle every order, as the running trader does.

    `in_force` gives the forecast of a signal, or null and the reason code why there is none.
    """
    for signal, place, book in moments:
        forecast, fault = in_force(signal)
        decision = trader.decide(signal, forecast=forecast, fault=fault, book=book, place=place)
        top = book.top if book else None
        order, fills, score = order_of(decision, broker=broker.name), tuple[Fill, ...](), None
        if order:
            order, fills = broker.place(order, book)
            score = trader.settle(order, fills)
        yield Step(decision, signal.timestamp, top, order, fills, score, trader.account)


def trader_of(settings: Settings) -> Trader:
    """A trader with the settings' rule and parameters and a new account.

    Raises:
        SettingsError: there is no such rule.
    """
    start = Account(quote=settings.trader.start_quote)
    return Trader(parameters(settings), start, rule=rule_of(settings))


def depth_of(settings: Settings) -> Depth | None:
    """What keeps the levels beyond the top; null where no order may go there."""
    slippage = settings.trader.slippage_bps
    return Depth(slippage_bps=slippage) if slippage > 0 else None


def follower_of(
    settings: Settings, ends: Callable[[], Mapping[TopicPartition, int]], *, last_window: int = -1
) -> Follower:
    """What gathers the signals and tops of the settings' rule; `ends`: how far market.book goes.

    Raises:
        SettingsError: there is no such rule.
    """
    venue, symbol = settings.trader.venue, settings.trader.symbol
    if RULES[rule_of(settings)].signal_type == "price_volume":
        return Market(venue=venue, symbol=symbol, ends=ends, depth=depth_of(settings))
    pulse_us = int(settings.trader.pulse_s * _SECOND_US)
    return PulseMarket(venue=venue, symbol=symbol, pulse_us=pulse_us, last_window=last_window)
