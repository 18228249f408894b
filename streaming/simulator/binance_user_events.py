"""The events of the simulated Binance's user data stream: orders and balances. Pure.

Source: binance/binance-spot-api-docs, user-data-stream.md.
"""

from decimal import Decimal

from streaming.simulator.binance_order import BinanceOrder
from streaming.simulator.json_fields import Fields
from streaming.simulator.matching import SimulatedFill


def make_report(
    spot_order: BinanceOrder,
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
    return {
        **_order_fields(spot_order),
        "E": now_ms,
        "c": cancel_id or spot_order.client_id,
        "C": spot_order.client_id if cancel_id else "",
        "x": execution,
        "T": now_ms,
        "I": number,
        **_fill_fields(fill, fee),
    }


def _order_fields(spot_order: BinanceOrder) -> Fields:
    price = Decimal(0) if spot_order.is_market else spot_order.price
    return {
        "e": "executionReport",
        "s": spot_order.symbol,
        "S": spot_order.side.upper(),
        "o": spot_order.kind,
        "f": spot_order.time_in_force,
        "q": f"{spot_order.amount:.8f}",
        "p": f"{price:.8f}",
        "P": f"{spot_order.stop_price or 0:.8f}",
        "F": "0.00000000",
        "g": spot_order.list_id,
        "X": spot_order.status,
        "r": "NONE",
        "i": spot_order.number,
        "z": f"{spot_order.filled:.8f}",
        "w": spot_order.live and spot_order.is_working,
        "M": False,
        "O": spot_order.at_ms,
        "Z": f"{spot_order.paid:.8f}",
        "Q": f"{spot_order.quote_quantity:.8f}",
        **({"W": spot_order.working_ms} if spot_order.is_working else {}),
        "V": "NONE",
        **_strategy_of(spot_order),
        **({"eR": spot_order.expiry_reason} if spot_order.expiry_reason else {}),
    }


def _fill_fields(fill: SimulatedFill | None, fee: Fields | None) -> Fields:
    quantity, price = (fill.quantity, fill.price) if fill else (Decimal(0), Decimal(0))
    return {
        "l": f"{quantity:.8f}",
        "L": f"{price:.8f}",
        "Y": f"{quantity * price:.8f}",
        "n": fee["commission"] if fee else "0",
        "N": fee["commissionAsset"] if fee else None,
        "t": fill.number if fill else -1,
        "m": bool(fill and fill.maker),
    }


def _strategy_of(spot_order: BinanceOrder) -> Fields:
    letters = {"strategyId": "j", "strategyType": "J"}
    return {letters[name]: number for name, number in spot_order.strategy.items()}


def make_balances(free_and_locked: dict[str, tuple[Decimal, Decimal]], now_ms: int) -> Fields:
    """The `outboundAccountPosition`: the balances of assets, free and locked."""
    rows = [
        {"a": asset, "f": f"{free:.8f}", "l": f"{locked:.8f}"}
        for asset, (free, locked) in free_and_locked.items()
    ]
    return {"e": "outboundAccountPosition", "E": now_ms, "u": now_ms, "B": rows}
