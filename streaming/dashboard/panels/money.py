"""What the account is worth, beside having bought once and held."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from include.market.events import Fill, Score
from streaming.dashboard.panels.prices import Columns, Points
from streaming.dashboard.trading import Dated

_SECOND_US = 1_000_000


@dataclass(frozen=True)
class Holding:
    """Quote and base units held from `second` (market time) on."""

    second: int
    quote: Decimal
    base: Decimal


def holdings(fills: Sequence[Dated], *, quote_now: Decimal, base_now: Decimal) -> list[Holding]:
    """What was held before the first fill (second 0) and after each, from what is held now."""
    found: list[Holding] = []
    quote, base = quote_now, base_now
    for dated in reversed(fills):
        fill = dated.fact
        assert isinstance(fill, Fill)
        found.append(Holding(dated.at // _SECOND_US, quote, base))
        sign = 1 if fill.side == "buy" else -1
        quote += sign * fill.price * fill.quantity + fill.fee
        base -= sign * fill.quantity
    found.append(Holding(0, quote, base))
    return found[::-1]


def worth(held: Sequence[Holding], prices: Points, *, fills: Sequence[Dated]) -> Columns:
    """Columns x (ms), equity, hold in quote units at each price.

    `hold` is the start holding turned into base at the first fill's price without a fee (the first
    price shown, if there is no fill yet) and kept.
    """
    columns: Columns = {"x": [], "equity": [], "hold": []}
    if not prices or not held:
        return columns
    begin = fills[0].fact if fills else None
    start = float(begin.price) if isinstance(begin, Fill) else prices[0][1]
    units = float(held[0].quote) / start + float(held[0].base)
    place = 0
    for second, price in prices:
        while place + 1 < len(held) and held[place + 1].second <= second:
            place += 1
        columns["x"].append(second * 1000.0)
        columns["equity"].append(float(held[place].quote) + float(held[place].base) * price)
        columns["hold"].append(units * price)
    return columns


def profits(scores: Sequence[Dated], *, first: int, last: int) -> Columns:
    """Columns x (ms), profit of each trip and cumulative profit, as steps over the time shown."""
    columns: Columns = {"x": [], "profit": [], "cumulative": []}
    for dated in scores:
        score = dated.fact
        assert isinstance(score, Score)
        if dated.at // _SECOND_US <= last:
            second = max(first, dated.at // _SECOND_US)
            columns["x"].append(second * 1000.0)
            columns["profit"].append(float(score.profit))
            columns["cumulative"].append(float(score.cumulative_profit))
    return columns


def markers(orders: Sequence[Dated], side: str, *, first: int, last: int) -> Columns:
    """Columns x (ms), y (limit price), quantity executed of the orders of one side in the time."""
    shown = [
        (dated.at // 1000, dated.fact)
        for dated in orders
        if first <= dated.at // _SECOND_US <= last and getattr(dated.fact, "side", None) == side
    ]
    return {
        "x": [float(at) for at, _ in shown],
        "y": [float(getattr(fact, "price", 0)) for _, fact in shown],
        "executed": [float(getattr(fact, "executed", 0)) for _, fact in shown],
    }
