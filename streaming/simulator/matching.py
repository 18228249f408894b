"""Limit orders of a simulated account, matched against levels that are given. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

Levels = list[tuple[Decimal, Decimal]]  # price and quantity, best first


@dataclass(frozen=True)
class Fill:
    """Part of an order done: at a price, so much, when."""

    number: int
    price: Decimal
    quantity: Decimal
    at_ms: int
    maker: bool


@dataclass
class Order:
    """A limit order and what became of it."""

    number: int
    symbol: str
    side: str  # buy or sell
    price: Decimal
    amount: Decimal
    at_ms: int
    client_id: str = ""
    fills: list[Fill] = field(default_factory=list)
    cancelled: bool = False

    @property
    def done(self) -> Decimal:
        """The quantity that was filled."""
        return sum((one.quantity for one in self.fills), Decimal(0))

    @property
    def paid(self) -> Decimal:
        """The sum of price times quantity of the fills."""
        return sum((one.price * one.quantity for one in self.fills), Decimal(0))

    @property
    def left(self) -> Decimal:
        """The quantity that was not filled."""
        return self.amount - self.done

    @property
    def live(self) -> bool:
        """Whether it may still be filled."""
        return not self.cancelled and self.left > 0

    def reaches(self, price: Decimal) -> bool:
        """Whether its limit allows this price."""
        return self.price >= price if self.side == "buy" else self.price <= price


@dataclass
class Matching:
    """Numbers orders and fills; fills them from levels."""

    orders: dict[int, Order] = field(default_factory=dict)
    _fills: int = 0

    def add(self, order: Order) -> Order:
        """Keep an order."""
        self.orders[order.number] = order
        return order

    def live(self, symbol: str = "") -> list[Order]:
        """Orders that may still be filled, of a symbol or of all."""
        return [one for one in self.orders.values() if one.live and symbol in {"", one.symbol}]

    def fill(self, order: Order, levels: Iterable[tuple[Decimal, Decimal]], at_ms: int) -> None:
        """Fill an incoming order from the other side's levels."""
        for price, quantity in levels:
            if not order.live or not order.reaches(price):
                return
            self._filled(order, price, min(quantity, order.left), at_ms, maker=False)

    def rest(self, order: Order, best: Decimal, at_ms: int) -> None:
        """Fill a resting order at its own price once the other side's best price reaches it."""
        if order.live and order.reaches(best):
            self._filled(order, order.price, order.left, at_ms, maker=True)

    def _filled(
        self, order: Order, price: Decimal, quantity: Decimal, at_ms: int, *, maker: bool
    ) -> None:
        self._fills += 1
        order.fills.append(Fill(self._fills, price, quantity, at_ms, maker))
