"""What the simulated Binance makes of an order's parameters: an order, or the refusal. Pure.

Source: binance/binance-spot-api-docs, rest-api.md, "New order", filters.md, errors.md.
"""

from decimal import ROUND_DOWN, Decimal

from streaming.simulator import binance_info as info
from streaming.simulator.binance_order import STOP_KINDS, BinanceOrder
from streaming.simulator.binance_parameters import BinanceError, refuse_missing
from streaming.simulator.json_fields import Values
from streaming.simulator.matching import Levels

_PEGGED = "Pegged orders are not supported for this symbol."
_UNSUPPORTED = {
    "icebergQty": "Iceberg orders are not supported for this symbol.",
    "trailingDelta": "Trailing stop orders are not supported for this symbol.",
    **dict.fromkeys(("pegPriceType", "pegOffsetType", "pegOffsetValue"), _PEGGED),
}
_STP = "This symbol does not allow the specified self-trade prevention mode."
_NEEDED = {
    "LIMIT": ("timeInForce", "quantity", "price"),
    "LIMIT_MAKER": ("quantity", "price"),
    "MARKET": (),
    **dict.fromkeys(("STOP_LOSS", "TAKE_PROFIT"), ("quantity", "stopPrice")),
    **dict.fromkeys(
        ("STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"), ("timeInForce", "quantity", "price", "stopPrice")
    ),
}
_REFUSED = {
    "LIMIT": ("quoteOrderQty", "stopPrice"),
    "LIMIT_MAKER": ("timeInForce", "quoteOrderQty", "stopPrice"),
    "MARKET": ("timeInForce", "price", "stopPrice"),
    **dict.fromkeys(("STOP_LOSS", "TAKE_PROFIT"), ("timeInForce", "price", "quoteOrderQty")),
    **dict.fromkeys(("STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"), ("quoteOrderQty",)),
}
KINDS = tuple(_NEEDED)
_MIN_STRATEGY = 1_000_000


def check_form(values: Values) -> None:
    """Check that an order's parameters fit its type.

    Raises:
        BinanceError: one is missing, one too many, or the type is not traded here.
    """
    kind = values["type"]
    _check_supported(values)
    for name in _NEEDED[kind]:
        if name not in values:
            raise refuse_missing(name)
    for name in _REFUSED[kind]:
        if name in values:
            raise BinanceError(400, -1106, f"Parameter '{name}' sent when not required.")
    if kind == "MARKET" and ("quantity" in values) == ("quoteOrderQty" in values):
        if "quantity" in values:
            raise BinanceError(400, -1128, "Combination of optional parameters invalid.")
        message = "Param 'quantity' or 'quoteOrderQty' must be sent, but both were empty/null!"
        raise BinanceError(400, -1102, message)


def _check_supported(values: Values) -> None:
    for name in values:
        if name in _UNSUPPORTED:
            raise reject(_UNSUPPORTED[name])
    if values.get("selfTradePreventionMode", "NONE") != "NONE":
        raise BinanceError(400, -1013, _STP)
    if values.get("strategyType", _MIN_STRATEGY) < _MIN_STRATEGY:
        raise BinanceError(400, -1134, "strategyType was less than 1000000.")


def make_order(
    values: Values, opposite: Levels, average: Decimal, *, number: int, at_ms: int
) -> BinanceOrder:
    """The order of valid parameters that passes the filters; `opposite` are the other side's.

    Raises:
        BinanceError: the filter that it fails.
    """
    kind = values["type"]
    price = values.get("price", Decimal(0))
    quantity = (
        values["quantity"]
        if "quantity" in values
        else _quantity_for(values["quoteOrderQty"], opposite)
    )
    if kind in STOP_KINDS:
        _check_step("PRICE_FILTER", values["stopPrice"], info.PRICE_STEP, info.MAX_PRICE)
    if "price" in values:
        _check_step("PRICE_FILTER", price, info.PRICE_STEP, info.MAX_PRICE)
        if not info.MIN_TIMES * average <= price <= info.MAX_TIMES * average:
            raise fail_filter("PERCENT_PRICE")
    else:
        price = values.get("stopPrice") or opposite[-1][0]
    check_lot(quantity)
    if kind == "MARKET" and quantity > info.MAX_MARKET_LOTS:
        raise fail_filter("MARKET_LOT_SIZE")
    notional = quantity * (average if kind == "MARKET" else price)
    if notional < info.MIN_NOTIONAL or (kind != "MARKET" and notional > info.MAX_NOTIONAL):
        raise fail_filter("NOTIONAL")
    return BinanceOrder(
        number,
        values["symbol"],
        values["side"].lower(),
        price,
        quantity,
        at_ms,
        values.get("newClientOrderId") or f"sim-{number}",
        kind=kind,
        time_in_force=values.get("timeInForce", "GTC"),
        stop_price=values.get("stopPrice"),
        awaits_stop=kind in STOP_KINDS,
        working_ms=-1 if kind in STOP_KINDS else at_ms,
        changed_ms=at_ms,
        quote_quantity=values.get("quoteOrderQty", Decimal(0)),
        strategy={name: values[name] for name in ("strategyId", "strategyType") if name in values},
    )


def check_lot(quantity: Decimal) -> None:
    """Check that a quantity is one of whole lots.

    Raises:
        BinanceError: it is not, or beyond the most.
    """
    _check_step("LOT_SIZE", quantity, info.LOT, info.MAX_LOTS)


def check_book(spot_order: BinanceOrder, opposite: Levels) -> None:
    """Check what an order may not meet in the book, and expire one that must be filled whole.

    Raises:
        BinanceError: it may only make, and would take.
    """
    takes = spot_order.reaches(opposite[0][0])
    if spot_order.kind == "LIMIT_MAKER" and takes:
        raise reject("Order would immediately match and take.")
    if spot_order.time_in_force == "FOK":
        reachable = sum((q for price, q in opposite if spot_order.reaches(price)), Decimal(0))
        spot_order.expired = reachable < spot_order.amount
        spot_order.expiry_reason = "UNFILLED_FOK_ORDER_EXPIRED" if spot_order.expired else ""


def cost(spot_order: BinanceOrder, opposite: Levels) -> Decimal:
    """What a market order's quantity costs, or gives, at these levels."""
    remaining, paid = spot_order.amount, Decimal(0)
    for price, quantity in opposite:
        part = min(remaining, quantity)
        remaining, paid = remaining - part, paid + part * price
    return paid


def reject(message: str) -> BinanceError:
    """The refusal of the matching engine."""
    return BinanceError(400, -2010, message)


def fail_filter(name: str) -> BinanceError:
    """The refusal of a filter."""
    return BinanceError(400, -1013, f"Filter failure: {name}")


def _quantity_for(quote: Decimal, opposite: Levels) -> Decimal:
    """As much as an amount of the quote currency buys at these levels, in whole lots."""
    quantity = Decimal(0)
    for price, offered in opposite:
        part = min(offered, quote / price)
        quantity, quote = quantity + part, quote - part * price
    return quantity.quantize(info.LOT, ROUND_DOWN)


def _check_step(name: str, number: Decimal, step: Decimal, maximum: Decimal) -> None:
    if not step <= number <= maximum or number % step:
        raise fail_filter(name)
