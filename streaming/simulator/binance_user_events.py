"""What the simulated Binance tells an account of its orders and balances as they change. Pure.

Source: binance/binance-spot-api-docs, user-data-stream.md.
"""

from decimal import Decimal

from streaming.simulator.binance_order import BinanceOrder
from streaming.simulator.json_fields import Fields
from streaming.simulator.matching import SimulatedFill


def make_report(
    order: BinanceOrder,
    execution: str,
    now_ms: int,
    *,
    number: int,
    fill: SimulatedFill | None = None,
    fee: Fields | None = None,
    cancel_id: str = "",
) -> Fields:
    """The `executionReport` of a change: NEW, TRADE, CANCELED or EXPIRED.

    `number` is the report's own; after a fill there are the fill and its fee; `cancel_id` is the
    client's id of a cancellation.
    """
    price = Decimal(0) if order.is_market else order.price
    last = {"quantity": fill.quantity, "price": fill.price} if fill else {}
    quantity, last_price = last.get("quantity", Decimal(0)), last.get("price", Decimal(0))
    return {
        "e": "executionReport",
        "E": now_ms,
        "s": order.symbol,
        "c": cancel_id or order.client_id,
        "S": order.side.upper(),
        "o": order.kind,
        "f": order.time_in_force,
        "q": f"{order.amount:.8f}",
        "p": f"{price:.8f}",
        "P": f"{order.stop_price or 0:.8f}",
        "F": "0.00000000",
        "g": order.list_id,
        "C": order.client_id if cancel_id else "",
        "x": execution,
        "X": order.status,
        "r": "NONE",
        "i": order.number,
        "l": f"{quantity:.8f}",
        "z": f"{order.filled:.8f}",
        "L": f"{last_price:.8f}",
        "n": fee["commission"] if fee else "0",
        "N": fee["commissionAsset"] if fee else None,
        "T": now_ms,
        "t": fill.number if fill else -1,
        "I": number,
        "w": order.live and order.is_working,
        "m": bool(fill and fill.maker),
        "M": False,
        "O": order.at_ms,
        "Z": f"{order.paid:.8f}",
        "Y": f"{quantity * last_price:.8f}",
        "Q": f"{order.quote_quantity:.8f}",
        **({"W": order.working_ms} if order.is_working else {}),
        "V": "NONE",
        **_strategy_of(order),
        **({"eR": order.expiry_reason} if order.expiry_reason else {}),
    }


def _strategy_of(order: BinanceOrder) -> Fields:
    letters = {"strategyId": "j", "strategyType": "J"}
    return {letters[name]: number for name, number in order.strategy.items()}


def make_balances(free_and_locked: dict[str, tuple[Decimal, Decimal]], now_ms: int) -> Fields:
    """The `outboundAccountPosition`: the balances of assets, free and locked."""
    rows = [
        {"a": asset, "f": f"{free:.8f}", "l": f"{locked:.8f}"}
        for asset, (free, locked) in free_and_locked.items()
    ]
    return {"e": "outboundAccountPosition", "E": now_ms, "u": now_ms, "B": rows}
