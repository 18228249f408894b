"""The trader without Kafka, journal or clock: moments in, one step a signal out.

Backtest and replay differ from the running trader in where signals, tops and forecasts come from,
and in nothing else: strategy object, paper broker and parameters are the same.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from include.market.events import Decision, Fill, Order, Score, Top
from include.trading.account import Account
from include.trading.decision import order_for
from include.trading.inputs import ForecastSides, Signal
from include.trading.reasons import Reason
from streaming.trader.brokers.paper import PaperBroker
from streaming.trader.config import TraderConfig
from streaming.trader.followers import Moment

InForce = Callable[[Signal], tuple[ForecastSides | None, Reason | None]]


class Step(NamedTuple):
    """What one signal led to; `at` is its time (µs), `account` is as of after it."""

    decision: Decision
    at: int
    top: Top | None
    order: Order | None
    fills: tuple[Fill, ...]
    score: Score | None
    account: Account


def rehearse(
    moments: Iterable[Moment], config: TraderConfig, *, in_force: InForce
) -> Iterator[Step]:
    """Decide on every moment and settle every order on paper, as the running trader does.

    `in_force` gives the forecast of a signal, or null and the reason why there is none.
    """
    strategy, broker = config.strategy(), PaperBroker(config.parameters.fee_bps)
    for signal, record_id, top in moments:
        forecast, fault = in_force(signal)
        decision = strategy.decide(
            signal, forecast=forecast, fault=fault, top=top, record_id=record_id
        )
        best = top.best if top else None
        order, fills, score = order_for(decision, broker=broker.name), tuple[Fill, ...](), None
        if order:
            order, fills = broker.place(order, top)
            score = strategy.settle(order, fills)
        yield Step(decision, signal.timestamp, best, order, fills, score, strategy.account)
