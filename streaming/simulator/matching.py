"""Limit orders of a simulated account, matched against given levels. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Generic, TypeVar

Levels = list[tuple[Decimal, Decimal]]  # price and quantity, best first


@dataclass(frozen=True)
class SimulatedFill:
    """A fill of an order: price, quantity and time."""

    number: int
    price: Decimal
    quantity: Decimal
    at_ms: int
    maker: bool


@dataclass
class SimulatedOrder:
    """A limit order and its state."""

    number: int
    symbol: str
    side: str  # buy or sell
    price: Decimal
    amount: Decimal
    at_ms: int
    client_id: str = ""
    kind: str = "limit"  # in the venue's own word
    time_in_force: str = ""
    fills: list[SimulatedFill] = field(default_factory=list)
    cancelled: bool = False
    expired: bool = False  # what an order that may not rest had left

    @property
    def filled(self) -> Decimal:
        """The quantity that was filled."""
        return sum((fill.quantity for fill in self.fills), Decimal(0))

    @property
    def paid(self) -> Decimal:
        """The sum of price times quantity of the fills."""
        return sum((fill.price * fill.quantity for fill in self.fills), Decimal(0))

    @property
    def remaining(self) -> Decimal:
        """The quantity that was not filled."""
        return self.amount - self.filled

    @property
    def live(self) -> bool:
        """Whether it may still be filled."""
        return not self.cancelled and not self.expired and self.remaining > 0

    def reaches(self, price: Decimal) -> bool:
        """Whether its limit allows this price."""
        return self.price >= price if self.side == "buy" else self.price <= price


OrderT = TypeVar("OrderT", bound=SimulatedOrder)


@dataclass
class Matching(Generic[OrderT]):
    """Numbers orders and fills; fills them from levels."""

    orders: dict[int, OrderT] = field(default_factory=dict)
    _fills: int = 0

    def add(self, new_order: OrderT) -> OrderT:
        """Add an order."""
        self.orders[new_order.number] = new_order
        return new_order

    def live(self, symbol: str = "") -> list[OrderT]:
        """Orders that may still be filled, of a symbol or of all."""
        return [
            order for order in self.orders.values() if order.live and symbol in {"", order.symbol}
        ]

    def fill(
        self, order: SimulatedOrder, levels: Iterable[tuple[Decimal, Decimal]], at_ms: int
    ) -> None:
        """Fill an incoming order from the other side's levels."""
        for price, quantity in levels:
            if not order.live or not order.reaches(price):
                return
            self._add_fill(order, price, min(quantity, order.remaining), at_ms, maker=False)

    def fill_resting(self, order: SimulatedOrder, best: Decimal, at_ms: int) -> None:
        """Fill a resting order at its own price once the other side's best price reaches it."""
        if order.live and order.reaches(best):
            self._add_fill(order, order.price, order.remaining, at_ms, maker=True)

    def _add_fill(
        self, order: SimulatedOrder, price: Decimal, quantity: Decimal, at_ms: int, *, maker: bool
    ) -> None:
        self._fills += 1
        order.fills.append(SimulatedFill(self._fills, price, quantity, at_ms, maker))
