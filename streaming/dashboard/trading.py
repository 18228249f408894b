"""What the trader did: the same facts come from trading.* and from Postgres, known by their ids."""

from dataclasses import dataclass, field
from decimal import Decimal

from msgspec.structs import astuple

from include.market.events import Balance, Decision, Event, Fill, Order, Score


@dataclass(frozen=True)
class Dated:
    """A fact of the trader with the market time (µs) of the signal it follows from."""

    at: int
    fact: Order | Fill | Score


@dataclass
class Trading:
    """Orders, fills and scores by id, the balances, and the last decision. Repeats change nothing.

    `decided_at` and `balanced_at` are market times (µs); a balance of an earlier time is left out.
    """

    orders: dict[str, Dated] = field(default_factory=dict)
    fills: dict[str, Dated] = field(default_factory=dict)
    scores: dict[str, Dated] = field(default_factory=dict)
    balances: dict[str, Decimal] = field(default_factory=dict)
    decision: Decision | None = None
    decided_at: int = 0
    balanced_at: int = -1

    def take(self, event: Event, at: int | None) -> None:
        """Take a fact in; `at` is null for the opening balance only."""
        if not _sound(event):
            return
        if isinstance(event, Balance):
            if (at or 0) >= self.balanced_at:
                self.balances[event.currency] = event.amount
                self.balanced_at = at or 0
        elif at is None:
            return
        elif isinstance(event, Decision):
            if at >= self.decided_at:
                self.decision, self.decided_at = event, at
        elif isinstance(event, Order):
            self.orders[event.order_id] = Dated(at, event)
        elif isinstance(event, Fill):
            self.fills[event.fill_id] = Dated(at, event)
        elif isinstance(event, Score):
            self.scores[event.order_id] = Dated(at, event)

    def in_order(self, kind: str) -> list[Dated]:
        """The `orders`, `fills` or `scores` by market time."""
        facts: dict[str, Dated] = getattr(self, kind)
        return sorted(facts.values(), key=lambda one: one.at)


def _sound(event: Event) -> bool:
    """Whether its numbers are numbers, and the price of an order or fill is above 0."""
    values = [value for value in astuple(event) if isinstance(value, Decimal)]
    priced = not isinstance(event, Order | Fill) or event.price > 0
    return all(value.is_finite() for value in values) and priced
