"""What the trader did: the same facts come from trading.* and from Postgres, equal by their ids."""

from dataclasses import dataclass, field
from decimal import Decimal

from msgspec.structs import astuple

from include.market.events import Balance, Decision, Fill, Order, Score

TraderEvent = Decision | Order | Fill | Balance | Score


@dataclass(frozen=True)
class DatedFact:
    """A fact of the trader with the market time (µs) of the signal it follows from."""

    at_us: int
    fact: Order | Fill | Score


@dataclass
class TraderActivity:
    """Orders, fills and scores of an account by id, balances, and the last decision.

    `decided_us` and `balanced_us` are market times; a balance of an earlier time is ignored.
    Repeats change nothing.
    """

    orders: dict[str, DatedFact] = field(default_factory=dict)
    fills: dict[str, DatedFact] = field(default_factory=dict)
    scores: dict[str, DatedFact] = field(default_factory=dict)
    balances: dict[str, Decimal] = field(default_factory=dict)
    decision: Decision | None = None
    decided_us: int = 0
    balanced_us: int = -1

    def add(self, fact: TraderEvent, at_us: int | None) -> None:
        """Add a fact; `at_us` is null for the opening balance only."""
        if not _is_plausible(fact):
            return
        if isinstance(fact, Balance):
            if (at_us or 0) >= self.balanced_us:
                self.balances[fact.currency] = fact.amount
                self.balanced_us = at_us or 0
        elif at_us is None:
            return
        elif isinstance(fact, Decision):
            if at_us >= self.decided_us:
                self.decision, self.decided_us = fact, at_us
        elif isinstance(fact, Order):
            self.orders[fact.order_id] = DatedFact(at_us, fact)
        elif isinstance(fact, Fill):
            self.fills[fact.fill_id] = DatedFact(at_us, fact)
        else:
            self.scores[fact.order_id] = DatedFact(at_us, fact)

    def in_order(self, kind: str) -> list[DatedFact]:
        """The `orders`, `fills` or `scores` by market time."""
        facts: dict[str, DatedFact] = getattr(self, kind)
        return sorted(facts.values(), key=lambda dated: dated.at_us)


def _is_plausible(fact: TraderEvent) -> bool:
    """Whether its numbers are finite, and the price of an order or fill is above 0."""
    numbers = [number for number in astuple(fact) if isinstance(number, Decimal)]
    priced = not isinstance(fact, Order | Fill) or fact.price > 0
    return all(number.is_finite() for number in numbers) and priced
