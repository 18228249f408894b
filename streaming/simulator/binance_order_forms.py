"""Orders, cancellations and fills in the form of Binance's replies. Pure."""

from collections.abc import Callable
from decimal import Decimal

from streaming.simulator.json_fields import Fields
from streaming.simulator.matching import SimulatedFill, SimulatedOrder

FEE_SHARE = Decimal("0.001")
Fee = Callable[[SimulatedOrder, SimulatedFill], Fields]


def order_status(order: SimulatedOrder) -> str:
    """Binance's word for an order's state."""
    if order.cancelled:
        return "CANCELED"
    if order.expired:
        return "EXPIRED"
    return "NEW" if not order.fills else "PARTIALLY_FILLED" if order.remaining else "FILLED"


def order_fields(order: SimulatedOrder) -> Fields:
    """An order as queries give it."""
    return {
        **_head(order),
        "clientOrderId": order.client_id,
        **_amounts(order),
        "stopPrice": "0.00000000",
        "icebergQty": "0.00000000",
        "time": order.at_ms,
        "updateTime": order.fills[-1].at_ms if order.fills else order.at_ms,
        "isWorking": True,
        "workingTime": order.at_ms,
        "origQuoteOrderQty": "0.00000000",
        "selfTradePreventionMode": "NONE",
    }


def cancel_fields(order: SimulatedOrder, client_id: str, now_ms: int) -> Fields:
    """A cancelled order."""
    return {
        **_head(order),
        "origClientOrderId": order.client_id,
        "clientOrderId": client_id,
        "transactTime": now_ms,
        **_amounts(order),
        "origQuoteOrderQty": "0.00000000",
        "selfTradePreventionMode": "NONE",
    }


def new_order_fields(order: SimulatedOrder, response_type: str, now_ms: int, fee: Fee) -> Fields:
    """A new order: ACK, RESULT or FULL."""
    ack = {**_head(order), "clientOrderId": order.client_id, "transactTime": now_ms}
    if response_type == "ACK":
        return ack
    result = {
        **ack,
        **_amounts(order),
        "origQuoteOrderQty": "0.00000000",
        "workingTime": now_ms,
        "selfTradePreventionMode": "NONE",
    }
    fills = [
        {
            "price": f"{fill.price:.8f}",
            "qty": f"{fill.quantity:.8f}",
            **fee(order, fill),
            "tradeId": fill.number,
        }
        for fill in order.fills
    ]
    return result | ({"fills": fills} if response_type == "FULL" else {})


def fill_fields(order: SimulatedOrder, fill: SimulatedFill, fee: Fee) -> Fields:
    """A fill as `myTrades` gives it."""
    return {
        "symbol": order.symbol,
        "id": fill.number,
        "orderId": order.number,
        "orderListId": -1,
        "price": f"{fill.price:.8f}",
        "qty": f"{fill.quantity:.8f}",
        "quoteQty": f"{fill.price * fill.quantity:.8f}",
        **fee(order, fill),
        "time": fill.at_ms,
        "isBuyer": order.side == "buy",
        "isMaker": fill.maker,
        "isBestMatch": True,
    }


def commission_fields(symbol: str) -> Fields:
    """The rates of commission, as `account/commission` and `order/test` give them."""
    sides = ("maker", "taker", "buyer", "seller")
    rates = dict(zip(sides, (FEE_SHARE, FEE_SHARE, Decimal(0), Decimal(0)), strict=True))
    standard = {side: f"{rate:.8f}" for side, rate in rates.items()}
    none = dict.fromkeys(sides, "0.00000000")
    discount = {
        "enabledForAccount": False,
        "enabledForSymbol": False,
        "discountAsset": "BNB",
        "discount": "0.75000000",
    }
    return {
        "symbol": symbol,
        "standardCommission": standard,
        "specialCommission": none,
        "taxCommission": none,
        "discount": discount,
    }


def _head(order: SimulatedOrder) -> Fields:
    return {"symbol": order.symbol, "orderId": order.number, "orderListId": -1}


def _amounts(order: SimulatedOrder) -> Fields:
    price = Decimal(0) if order.kind == "MARKET" else order.price
    return {
        "price": f"{price:.8f}",
        "origQty": f"{order.amount:.8f}",
        "executedQty": f"{order.filled:.8f}",
        "cummulativeQuoteQty": f"{order.paid:.8f}",
        "status": order_status(order),
        "timeInForce": order.time_in_force,
        "type": order.kind,
        "side": order.side.upper(),
    }
