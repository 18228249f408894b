"""How a trader did over a span of decisions, beside having bought once and held. Pure.

Both are worth what they would fetch at the best bid. Buy and hold buys at the first best ask with a
quantity for all the quote it starts with, pays the same fee, and keeps what it bought.
"""

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from include.market.events import Decision, Fill, Score, Top
from include.market.numerals import ZERO
from include.trading.account import Account
from include.trading.buy_and_hold import BuyAndHold, buy_once, is_two_sided, value_at
from include.trading.money import round_half_even


class EquityPoint(msgspec.Struct, frozen=True):
    """The account after one decision (µs); `equity` and `hold` in quote units."""

    at: int
    action: str
    bid: Decimal
    ask: Decimal
    quote: Decimal
    base: Decimal
    equity: Decimal
    hold: Decimal
    profit: Decimal


class Performance(msgspec.Struct, frozen=True):
    """The sums of a span in quote units.

    `profit` is of the round trips, `fees` and `turnover` (what was traded) are of all fills.
    """

    decisions: int
    orders: int
    trips: int
    won: int
    fees: Decimal
    turnover: Decimal
    profit: Decimal
    equity: Decimal
    hold: Decimal
    beside_hold: Decimal
    max_drawdown: Decimal


class EquityCurve:
    """Takes what each signal led to and keeps the points of the curve."""

    def __init__(self, start: Account, *, fee_bps: Decimal) -> None:
        self._start, self._fee_bps = start, fee_bps
        self._buy_and_hold: BuyAndHold | None = None
        self._decisions = self._orders = 0
        self._fees = self._turnover = ZERO
        self.points: list[EquityPoint] = []
        self.scores: list[tuple[int, Score]] = []

    def take(
        self,
        decision: Decision,
        *,
        at_us: int,
        top: Top | None,
        account: Account,
        fills: Iterable[Fill] = (),
        score: Score | None = None,
    ) -> None:
        """Add a decision; without a best bid and ask it makes no point of the curve."""
        self._decisions += 1
        self._orders += decision.action != "hold"
        for fill in fills:
            self._fees += _fee_of(fill)
            self._turnover += fill.price * fill.quantity
        if score:
            self.scores.append((at_us, score))
        if top is None or not is_two_sided(top):
            return
        start = self._start
        if self._buy_and_hold is None:
            self._buy_and_hold = buy_once(start.quote, start.base, top, fee_bps=self._fee_bps)
        self.points.append(
            EquityPoint(
                at=at_us,
                action=decision.action,
                bid=top.bid,
                ask=top.ask,
                quote=account.quote,
                base=account.base,
                equity=value_at(account.quote, account.base, top.bid),
                hold=self._buy_and_hold.value_at(top.bid),
                profit=account.profit,
            )
        )

    def performance(self) -> Performance:
        """The sums so far."""
        equity = self.points[-1].equity if self.points else self._start.quote
        hold = self.points[-1].hold if self.points else self._start.quote
        profits = [score.profit for _, score in self.scores]
        return Performance(
            decisions=self._decisions,
            orders=self._orders,
            trips=len(profits),
            won=sum(1 for profit in profits if profit > 0),
            fees=self._fees,
            turnover=round_half_even(self._turnover),
            profit=sum(profits, ZERO),
            equity=equity,
            hold=hold,
            beside_hold=equity - hold,
            max_drawdown=_max_drawdown(point.equity for point in self.points),
        )


def _fee_of(fill: Fill) -> Decimal:
    """What a fill's fees are worth in quote units, at its own price."""
    return fill.fee + (fill.base_fee or ZERO) * fill.price


def _max_drawdown(equities: Iterable[Decimal]) -> Decimal:
    """The deepest fall of equity below an earlier peak, in quote units."""
    height, deepest = ZERO, ZERO
    for equity in equities:
        height = max(height, equity)
        deepest = max(deepest, height - equity)
    return deepest
