"""The trader without Kafka, journal or clock: moments in, one step a signal out.

Backtest and replay differ from the running trader in where signals, tops and forecasts come from,
and in nothing else: strategy object, paper broker and parameters are the same.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from include.market.events import Decision, Fill, Order, Score, Top
from include.market.volatility import DayOfPrices
from include.trading.account import Account
from include.trading.decision import order_for
from include.trading.inputs import ForecastSides, Signal
from include.trading.reasons import Reason
from streaming.trader.brokers.paper import PaperBroker
from streaming.trader.config import TraderConfig
from streaming.trader.followers import Moment

RecentPrices = Sequence[tuple[int, float]]  # label (µs) and mid price of minutes, ascending
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


class Rehearsal:
    """One account that decides on moments and settles its orders on paper."""

    def __init__(self, config: TraderConfig, *, recent_prices: RecentPrices = ()) -> None:
        """A new account with the config's rule and parameters; prices as in `rehearse`."""
        self._strategy = config.strategy(DayOfPrices(recent_prices))
        self._broker = PaperBroker(config.parameters.fee_bps)

    def step(self, moment: Moment, forecast: ForecastSides | None, fault: Reason | None) -> Step:
        """Decide on a moment, with the forecast in force or the reason why there is none."""
        signal, record_id, top = moment
        strategy = self._strategy
        decision = strategy.decide(
            signal, forecast=forecast, fault=fault, top=top, record_id=record_id
        )
        order, fills, score = (
            order_for(decision, broker=self._broker.name),
            tuple[Fill, ...](),
            None,
        )
        if order:
            order, fills = self._broker.place(order, top)
            score = strategy.settle(order, fills)
        best = top.best if top else None
        return Step(decision, signal.timestamp, best, order, fills, score, strategy.account)


def rehearse(
    moments: Iterable[Moment],
    config: TraderConfig,
    *,
    in_force: InForce,
    recent_prices: RecentPrices = (),
) -> Iterator[Step]:
    """Decide on every moment and settle every order on paper, as the running trader does.

    `in_force` gives the forecast of a signal, or null and the reason why there is none;
    `recent_prices` are the minutes and mid prices of the day before, for the volatility.
    """
    rehearsal = Rehearsal(config, recent_prices=recent_prices)
    for moment in moments:
        yield rehearsal.step(moment, *in_force(moment.signal))
