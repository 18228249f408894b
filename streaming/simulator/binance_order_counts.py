"""How many orders a key has placed at the simulated Binance, within each limit. Pure.

Source: binance/binance-spot-api-docs, rest-api.md, "Query unfilled order count".
"""

from collections.abc import Collection

from streaming.simulator.binance_info import ORDER_LIMITS
from streaming.simulator.binance_order import BinanceOrder
from streaming.simulator.binance_parameters import BinanceError
from streaming.simulator.json_fields import Fields

_INTERVAL_MS = {"SECOND": 1000, "DAY": 86_400_000}


def count_orders(spot_orders: Collection[BinanceOrder], now_ms: int) -> list[Fields]:
    """How many orders were placed within the limits' intervals."""
    return [
        {
            "rateLimitType": "ORDERS",
            "interval": interval,
            "intervalNum": count,
            "limit": limit,
            "count": sum(
                now_ms - order.at_ms < count * _INTERVAL_MS[interval] for order in spot_orders
            ),
        }
        for interval, count, limit in ORDER_LIMITS
    ]


def check_order_count(spot_orders: Collection[BinanceOrder], now_ms: int) -> None:
    """Check that one more order is within the limits.

    Raises:
        BinanceError: it is not.
    """
    for counted in count_orders(spot_orders, now_ms):
        if counted["count"] >= counted["limit"]:
            unit = f"{counted['intervalNum']} {counted['interval']}"
            message = f"Too many new orders; current limit is {counted['limit']} orders per {unit}."
            raise BinanceError(429, -1015, message)
