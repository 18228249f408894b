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


class RunningSums:
    """The sums of a span, step by step, without its curve."""

    def __init__(self, start: Account) -> None:
        self.equity, self._highest = start.quote, ZERO
        self._best: Top | None = None
        self._decisions = self._orders = self._trips = self._won = 0
        self._fees = self._turnover = self._profit = self._deepest = ZERO

    def count_decision(self, decision: Decision) -> None:
        """Count a decision, and its order if it makes one."""
        self._decisions += 1
        self._orders += decision.action != "hold"

    def add_fills(self, fills: Iterable[Fill], score: Score | None) -> None:
        """Add what an order led to."""
        for fill in fills:
            self._fees += _fee_of(fill)
            self._turnover += fill.price * fill.quantity
        if score:
            self._trips += 1
            self._won += score.profit > 0
            self._profit += score.profit

    def mark(self, account: Account, top: Top | None) -> None:
        """Take what the account is worth at the best bid; without best prices it stays."""
        if top is None or not is_two_sided(top):
            return
        self._best = top
        self.equity = value_at(account.quote, account.base, top.bid)
        self._highest = max(self._highest, self.equity)
        self._deepest = max(self._deepest, self._highest - self.equity)

    def performance(self, buy_and_hold: BuyAndHold | None) -> Performance:
        """The sums so far, beside what was bought once and held."""
        hold = buy_and_hold.value_at(self._best.bid) if buy_and_hold and self._best else self.equity
        return Performance(
            decisions=self._decisions,
            orders=self._orders,
            trips=self._trips,
            won=self._won,
            fees=self._fees,
            turnover=round_half_even(self._turnover),
            profit=self._profit,
            equity=self.equity,
            hold=hold,
            beside_hold=self.equity - hold,
            max_drawdown=self._deepest,
        )


class EquityCurve:
    """Takes what each signal led to and keeps the points of the curve."""

    def __init__(self, start: Account, *, fee_bps: Decimal) -> None:
        self._start, self._fee_bps, self._sums = start, fee_bps, RunningSums(start)
        self._buy_and_hold: BuyAndHold | None = None
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
        self._sums.count_decision(decision)
        self._sums.add_fills(fills, score)
        self._sums.mark(account, top)
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
                equity=self._sums.equity,
                hold=self._buy_and_hold.value_at(top.bid),
                profit=account.profit,
            )
        )

    def performance(self) -> Performance:
        """The sums so far."""
        return self._sums.performance(self._buy_and_hold)


def _fee_of(fill: Fill) -> Decimal:
    """What a fill's fees are worth in quote units, at its own price."""
    return fill.fee + (fill.base_fee or ZERO) * fill.price
