"""How a trader did over a span of decisions, beside having bought once and held. Pure.

Both are worth what they would fetch at the best bid. Buy and hold buys at the first sound best ask
for all the quote it starts with, pays the same fee, and keeps what it bought.
"""

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from include.market.events import Decision, Fill, Score, Top
from include.trading.account import Account
from include.trading.holding import Hold, bought_once, sound, worth
from include.trading.money import ZERO


class Point(msgspec.Struct, frozen=True):
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
    """The sums of a span; `profit` is of the round trips, `fees` of all fills, in quote units."""

    decisions: int
    orders: int
    trips: int
    won: int
    fees: Decimal
    profit: Decimal
    equity: Decimal
    hold: Decimal
    beside_hold: Decimal
    largest_fall: Decimal


class Ledger:
    """Takes what each signal led to and keeps the points of the curve."""

    def __init__(self, start: Account, *, fee_bps: Decimal) -> None:
        """Begin with an account."""
        self._start, self._fee_bps = start, fee_bps
        self._held: Hold | None = None
        self._decisions = self._orders = 0
        self._fees = ZERO
        self.points: list[Point] = []
        self.scores: list[tuple[int, Score]] = []

    def take(
        self,
        decision: Decision,
        *,
        at: int,
        top: Top | None,
        account: Account,
        fills: Iterable[Fill] = (),
        score: Score | None = None,
    ) -> None:
        """Add a decision; without a sound top it makes no point of the curve."""
        self._decisions += 1
        self._orders += decision.action != "hold"
        self._fees += sum((fill.fee for fill in fills), ZERO)
        if score:
            self.scores.append((at, score))
        if top is None or not sound(top):
            return
        start = self._start
        if self._held is None:
            self._held = bought_once(start.quote, start.base, top, fee_bps=self._fee_bps)
        self.points.append(
            Point(
                at=at,
                action=decision.action,
                bid=top.bid,
                ask=top.ask,
                quote=account.quote,
                base=account.base,
                equity=worth(account.quote, account.base, top.bid),
                hold=self._held.worth(top.bid),
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
            profit=sum(profits, ZERO),
            equity=equity,
            hold=hold,
            beside_hold=equity - hold,
            largest_fall=_largest_fall(point.equity for point in self.points),
        )


def _largest_fall(equities: Iterable[Decimal]) -> Decimal:
    """The deepest fall below an earlier height, in quote units."""
    height, deepest = ZERO, ZERO
    for equity in equities:
        height = max(height, equity)
        deepest = max(deepest, height - equity)
    return deepest
