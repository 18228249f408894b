"""Orders, cancellations and fills in the form of Binance's replies. Pure."""

from collections.abc import Callable
from decimal import Decimal

from streaming.simulator.binance_order import BinanceOrder
from streaming.simulator.json_fields import Fields
from streaming.simulator.matching import SimulatedFill

FEE_SHARE = Decimal("0.001")
Fee = Callable[[BinanceOrder, SimulatedFill], Fields]


def order_fields(order: BinanceOrder) -> Fields:
    """An order as queries give it."""
    return {
        **_head(order),
        "clientOrderId": order.client_id,
        **_amounts(order),
        "stopPrice": f"{order.stop_price or 0:.8f}",
        "icebergQty": "0.00000000",
        "time": order.at_ms,
        "updateTime": order.changed_ms,
        "isWorking": order.is_working,
        **_conditional_fields(order),
        "workingTime": order.working_ms,
    }


def cancel_fields(order: BinanceOrder, client_id: str, now_ms: int) -> Fields:
    """A cancelled order."""
    return {
        **_head(order),
        "origClientOrderId": order.client_id,
        "clientOrderId": client_id,
        "transactTime": now_ms,
        **_amounts(order),
        **_stop_field(order),
        **_conditional_fields(order),
    }


def new_order_fields(order: BinanceOrder, response_type: str, now_ms: int, fee: Fee) -> Fields:
    """A new order: ACK, RESULT or FULL."""
    ack = {**_head(order), "clientOrderId": order.client_id, "transactTime": now_ms}
    if response_type == "ACK":
        return ack
    result = {
        **ack,
        **_amounts(order),
        **_stop_field(order),
        **_conditional_fields(order),
        **({"workingTime": order.working_ms} if order.is_working else {}),
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


def fill_fields(order: BinanceOrder, fill: SimulatedFill, fee: Fee) -> Fields:
    """A fill as `myTrades` gives it."""
    return {
        "symbol": order.symbol,
        "id": fill.number,
        "orderId": order.number,
        "orderListId": order.list_id,
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


def _head(order: BinanceOrder) -> Fields:
    return {"symbol": order.symbol, "orderId": order.number, "orderListId": order.list_id}


def _stop_field(order: BinanceOrder) -> Fields:
    return {} if order.stop_price is None else {"stopPrice": f"{order.stop_price:.8f}"}


def _conditional_fields(order: BinanceOrder) -> Fields:
    reason = {"expiryReason": order.expiry_reason} if order.expiry_reason else {}
    return {
        "origQuoteOrderQty": f"{order.quote_quantity:.8f}",
        "selfTradePreventionMode": "NONE",
        **order.strategy,
        **reason,
    }


def _amounts(order: BinanceOrder) -> Fields:
    price = Decimal(0) if order.is_market else order.price
    return {
        "price": f"{price:.8f}",
        "origQty": f"{order.amount:.8f}",
        "executedQty": f"{order.filled:.8f}",
        "cummulativeQuoteQty": f"{order.paid:.8f}",
        "status": order.status,
        "timeInForce": order.time_in_force,
        "type": order.kind,
        "side": order.side.upper(),
    }
