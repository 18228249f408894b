"""Order lists of the simulated Binance: OCO, OTO and OTOCO, and their reports. Pure.

Source: binance/binance-spot-api-docs, rest-api.md, "Order lists", user-data-stream.md.
"""

from dataclasses import dataclass

from streaming.simulator.binance_order import BinanceOrder
from streaming.simulator.json_fields import Fields


@dataclass(frozen=True)
class OrderList:
    """Orders of which one cancels the other (OCO), or is placed once `working` is filled (OTO)."""

    number: int
    symbol: str
    client_id: str
    at_ms: int
    orders: tuple[BinanceOrder, ...]
    working: BinanceOrder | None = None

    @property
    def contingency(self) -> str:
        """Binance's word for what the orders do to each other."""
        return "OTO" if self.working else "OCO"

    @property
    def is_live(self) -> bool:
        """Whether one of its orders may still be filled."""
        return any(order.live for order in self.orders)

    def legs(self) -> list[BinanceOrder]:
        """The orders that exclude each other."""
        return [order for order in self.orders if order is not self.working]

    def fields(self, now_ms: int | None = None) -> Fields:
        """The list as queries give it; with the time of a transaction as its answer does."""
        state = "EXECUTING" if self.is_live else "ALL_DONE"
        return {
            "orderListId": self.number,
            "contingencyType": self.contingency,
            "listStatusType": "EXEC_STARTED" if self.is_live else "ALL_DONE",
            "listOrderStatus": state,
            "listClientOrderId": self.client_id,
            "transactionTime": self.at_ms if now_ms is None else now_ms,
            "symbol": self.symbol,
            "orders": [
                {"symbol": self.symbol, "orderId": order.number, "clientOrderId": order.client_id}
                for order in self.orders
            ],
        }

    def event(self, now_ms: int) -> Fields:
        """The list's `listStatus`."""
        fields = self.fields()
        return {
            "e": "listStatus",
            "E": now_ms,
            "s": self.symbol,
            "g": self.number,
            "c": self.contingency,
            "l": fields["listStatusType"],
            "L": fields["listOrderStatus"],
            "r": "NONE",
            "C": self.client_id,
            "T": now_ms,
            "O": [
                {"s": self.symbol, "i": order.number, "c": order.client_id} for order in self.orders
            ],
        }
