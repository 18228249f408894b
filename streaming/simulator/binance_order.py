"""An order of the simulated Binance: in the book, before its stop price, or before another. Pure.

Source: binance/binance-spot-api-docs, rest-api.md, "New order", enums.md, "Order status".
"""

from dataclasses import dataclass, field
from decimal import Decimal

from streaming.simulator.json_fields import Fields
from streaming.simulator.matching import SimulatedOrder

STOP_KINDS = ("STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT")
MARKET_KINDS = ("MARKET", "STOP_LOSS", "TAKE_PROFIT")
NO_LIST = -1


@dataclass
class BinanceOrder(SimulatedOrder):
    """An order, with its stop price and the list that it belongs to."""

    stop_price: Decimal | None = None
    awaits_stop: bool = False  # the last price has not come to its stop price yet
    is_pending: bool = False  # the working order of its list is not filled yet
    list_id: int = NO_LIST
    working_ms: int = -1  # since when it is in the book
    changed_ms: int = 0
    quote_quantity: Decimal = Decimal(0)
    strategy: Fields = field(default_factory=dict)
    expiry_reason: str = ""
    amendments: list[Fields] = field(default_factory=list)

    @property
    def is_working(self) -> bool:
        """Whether it is, or was, in the book."""
        return not self.awaits_stop and not self.is_pending

    @property
    def is_market(self) -> bool:
        """Whether it takes any price, now or at its stop price."""
        return self.kind in MARKET_KINDS

    def is_reached(self, last: Decimal) -> bool:
        """Whether the last price is at its stop price, or beyond."""
        if self.stop_price is None:
            return False
        waits_for_rise = (self.side == "buy") == self.kind.startswith("STOP")
        return last >= self.stop_price if waits_for_rise else last <= self.stop_price

    @property
    def status(self) -> str:
        """Binance's word for its state."""
        if self.cancelled:
            return "CANCELED"
        if self.expired:
            return "EXPIRED"
        if self.is_pending:
            return "PENDING_NEW"
        return "NEW" if not self.fills else "PARTIALLY_FILLED" if self.remaining else "FILLED"
