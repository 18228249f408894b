"""Orders, cancellations and fills in the form of Binance's replies. Pure."""

from collections.abc import Callable
from decimal import Decimal

from streaming.simulator.binance_order import BinanceOrder
from streaming.simulator.json_fields import Fields
from streaming.simulator.matching import SimulatedFill

FEE_SHARE = Decimal("0.001")
Fee = Callable[[BinanceOrder, SimulatedFill], Fields]


def order_fields(spot_order: BinanceOrder) -> Fields:
    """An order as queries give it."""
    return {
        **_head(spot_order),
        "clientOrderId": spot_order.client_id,
        **_amounts(spot_order),
        "stopPrice": f"{spot_order.stop_price or 0:.8f}",
        "icebergQty": "0.00000000",
        "time": spot_order.at_ms,
        "updateTime": spot_order.changed_ms,
        "isWorking": spot_order.is_working,
        **_conditional_fields(spot_order),
        "workingTime": spot_order.working_ms,
    }


def cancel_fields(spot_order: BinanceOrder, client_id: str, now_ms: int) -> Fields:
    """A cancelled order."""
    return {
        **_head(spot_order),
        "origClientOrderId": spot_order.client_id,
        "clientOrderId": client_id,
        "transactTime": now_ms,
        **_amounts(spot_order),
        **_stop_field(spot_order),
        **_conditional_fields(spot_order),
    }


def new_order_fields(spot_order: BinanceOrder, response_type: str, now_ms: int, fee: Fee) -> Fields:
    """A new order: ACK, RESULT or FULL."""
    ack = {**_head(spot_order), "clientOrderId": spot_order.client_id, "transactTime": now_ms}
    if response_type == "ACK":
        return ack
    result = {
        **ack,
        **_amounts(spot_order),
        **_stop_field(spot_order),
        **_conditional_fields(spot_order),
        **({"workingTime": spot_order.working_ms} if spot_order.is_working else {}),
    }
    fills = [
        {
            "price": f"{fill.price:.8f}",
            "qty": f"{fill.quantity:.8f}",
            **fee(spot_order, fill),
            "tradeId": fill.number,
        }
        for fill in spot_order.fills
    ]
    return result | ({"fills": fills} if response_type == "FULL" else {})


def fill_fields(spot_order: BinanceOrder, fill: SimulatedFill, fee: Fee) -> Fields:
    """A fill as `myTrades` gives it."""
    return {
        "symbol": spot_order.symbol,
        "id": fill.number,
        "orderId": spot_order.number,
        "orderListId": spot_order.list_id,
        "price": f"{fill.price:.8f}",
        "qty": f"{fill.quantity:.8f}",
        "quoteQty": f"{fill.price * fill.quantity:.8f}",
        **fee(spot_order, fill),
        "time": fill.at_ms,
        "isBuyer": spot_order.side == "buy",
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


def _head(spot_order: BinanceOrder) -> Fields:
    return {
        "symbol": spot_order.symbol,
        "orderId": spot_order.number,
        "orderListId": spot_order.list_id,
    }


def _stop_field(spot_order: BinanceOrder) -> Fields:
    return {} if spot_order.stop_price is None else {"stopPrice": f"{spot_order.stop_price:.8f}"}


def _conditional_fields(spot_order: BinanceOrder) -> Fields:
    reason = {"expiryReason": spot_order.expiry_reason} if spot_order.expiry_reason else {}
    return {
        "origQuoteOrderQty": f"{spot_order.quote_quantity:.8f}",
        "selfTradePreventionMode": "NONE",
        **spot_order.strategy,
        **reason,
    }


def _amounts(spot_order: BinanceOrder) -> Fields:
    price = Decimal(0) if spot_order.is_market else spot_order.price
    return {
        "price": f"{price:.8f}",
        "origQty": f"{spot_order.amount:.8f}",
        "executedQty": f"{spot_order.filled:.8f}",
        "cummulativeQuoteQty": f"{spot_order.paid:.8f}",
        "status": spot_order.status,
        "timeInForce": spot_order.time_in_force,
        "type": spot_order.kind,
        "side": spot_order.side.upper(),
    }
