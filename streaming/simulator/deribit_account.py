"""The simulated Deribit account: one bitcoin of margin, one perpetual, orders in USD. Pure.

An inverse contract: profit of a position is its USD amount times (1/entry - 1/price), in bitcoin.
"""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from streaming.simulator import deribit_market as market
from streaming.simulator.deribit_refused import Refused
from streaming.simulator.matching import Fill, Levels, Matching, Order
from streaming.simulator.price_path import PricePath

Fields = dict[str, Any]
FEE_SHARE, MARGIN_SHARE = Decimal("0.0005"), Decimal("0.02")
_STEPS = {"price": Decimal("0.5"), "amount": Decimal(10)}
_UNITS = Decimal("0.00000001")


class DeribitAccount:
    """One account; each call is told the present in ms."""

    def __init__(self, path: PricePath) -> None:
        """Start with one bitcoin and no position."""
        self._path, self._matching = path, Matching()
        self.balance = Decimal(1)
        self.position = Decimal(0)  # USD, above zero when long
        self._base = Decimal(0)  # bitcoin that the position was worth when it was made
        self._looked_s = 0

    def answer(self, method: str, params: Fields, now_ms: int) -> object:
        """The result of a private method.

        Raises:
            Refused: Deribit's error.
        """
        calls: dict[str, Callable[[], object]] = {
            "private/buy": lambda: self._new("buy", params, now_ms),
            "private/sell": lambda: self._new("sell", params, now_ms),
            "private/cancel": lambda: self._cancel(params),
            "private/get_order_state": lambda: _told(self._found(params)),
            "private/get_open_orders_by_instrument": lambda: [
                _told(one) for one in self._matching.live()
            ],
            "private/get_account_summary": lambda: self._summary(now_ms),
            "private/get_account_summaries": lambda: {"summaries": [self._summary(now_ms)]},
            "private/get_user_trades_by_instrument": lambda: {
                "trades": [
                    _traded(one, fill)
                    for one in self._matching.orders.values()
                    for fill in one.fills
                ],
                "has_more": False,
            },
        }
        if method not in calls:
            raise Refused(-32601, "Method not found")
        self._settle(now_ms)
        return calls[method]()

    def _levels(self, now_ms: int) -> tuple[Levels, Levels]:
        sides = market.levels(self._path, market.step_at(now_ms))
        bids, asks = ([(Decimal(str(p)), Decimal(str(q))) for p, q in one.items()] for one in sides)
        return bids, asks

    def _settle(self, now_ms: int) -> None:
        """Fill resting orders at any second since the last look whose best price came to them."""
        live = self._matching.live()
        for second in range(self._looked_s + 1, now_ms // 1000 + 1) if live else ():
            bids, asks = self._levels(second * 1000)
            for order in live:
                before = len(order.fills)
                best = (asks if order.side == "buy" else bids)[0][0]
                self._matching.rest(order, best, second * 1000)
                self._book(order, order.fills[before:])
        self._looked_s = now_ms // 1000

    def _book(self, order: Order, fills: list[Fill]) -> None:
        for fill in fills:
            sign = 1 if order.side == "buy" else -1
            self.position += sign * fill.quantity
            self._base += sign * fill.quantity / fill.price
            self.balance -= fill.quantity / fill.price * FEE_SHARE
            if not self.position:  # closed: what the bitcoin amounts differ by is the profit
                self.balance, self._base = self.balance + self._base, Decimal(0)

    def _equity(self, price: Decimal) -> Decimal:
        return self.balance + self._base - self.position / price

    def _margin(self, price: Decimal) -> Decimal:
        resting = sum((one.left / one.price for one in self._matching.live()), Decimal(0))
        return (abs(self.position) / price + resting) * MARGIN_SHARE

    def _summary(self, now_ms: int) -> Fields:
        price = self._levels(now_ms)[0][0][0]
        equity, margin = self._equity(price), self._margin(price)
        return {
            "currency": "BTC",
            "balance": _number(self.balance),
            "equity": _number(equity),
            "available_funds": _number(equity - margin),
            "initial_margin": _number(margin),
            "maintenance_margin": _number(margin / 2),
            "margin_balance": _number(equity),
            "session_upl": _number(equity - self.balance),
            "currency_name": "Bitcoin",
        }

    def _new(self, side: str, params: Fields, now_ms: int) -> Fields:
        if params.get("instrument_name") != market.INSTRUMENT:
            raise Refused(10020, "invalid_or_unsupported_instrument")
        kind = params.get("type", "limit")
        if kind not in {"limit", "market"}:
            raise Refused(-32602, "Invalid params", reason="wrong value", param="type")
        bids, asks = self._levels(now_ms)
        other = asks if side == "buy" else bids
        amount = _money(params, "amount")
        price = other[-1][0] if kind == "market" else _money(params, "price")
        needed = amount / price * MARGIN_SHARE + self._margin(price)
        if needed > self._equity(price):
            raise Refused(10009, "not_enough_funds")
        number = len(self._matching.orders) + 1
        order = Order(
            number, market.INSTRUMENT, side, price, amount, now_ms, str(params.get("label", ""))
        )
        self._matching.add(order)
        self._matching.fill(order, other, now_ms)
        self._book(order, order.fills)
        brief = params.get("time_in_force") in {"immediate_or_cancel", "fill_or_kill"}
        order.cancelled = order.left > 0 and (brief or kind == "market")
        return {"order": _told(order), "trades": [_traded(order, one) for one in order.fills]}

    def _cancel(self, params: Fields) -> Fields:
        order = self._found(params)
        if not order.live:
            raise Refused(11044, "not_open_order")
        order.cancelled = True
        return _told(order)

    def _found(self, params: Fields) -> Order:
        for order in self._matching.orders.values():
            if _id(order) == params.get("order_id"):
                return order
        raise Refused(10004, "order_not_found")


def _id(order: Order) -> str:
    return f"SIM-{order.number}"


def _told(order: Order) -> Fields:
    state = "cancelled" if order.cancelled else "open" if order.left else "filled"
    average = order.paid / order.done if order.fills else Decimal(0)
    return {
        "order_id": _id(order),
        "instrument_name": order.symbol,
        "direction": order.side,
        "price": float(order.price),
        "amount": float(order.amount),
        "order_state": state,
        "filled_amount": float(order.done),
        "average_price": float(round(average, 2)),
        "order_type": "limit",
        "time_in_force": "good_til_cancelled",
        "label": order.client_id,
        "creation_timestamp": order.at_ms,
        "last_update_timestamp": order.at_ms,
        "post_only": False,
        "reduce_only": False,
        "api": True,
        "max_show": float(order.amount),
    }


def _traded(order: Order, fill: Fill) -> Fields:
    return {
        "trade_id": f"user-{fill.number}",
        "trade_seq": fill.number,
        "timestamp": fill.at_ms,
        "instrument_name": order.symbol,
        "order_id": _id(order),
        "direction": order.side,
        "price": float(fill.price),
        "amount": float(fill.quantity),
        "state": "filled",
        "fee": _number(fill.quantity / fill.price * FEE_SHARE),
        "fee_currency": "BTC",
        "liquidity": "M" if fill.maker else "T",
        "order_type": "limit",
        "tick_direction": 0,
        "index_price": float(fill.price),
        "mark_price": float(fill.price),
    }


def _number(value: Decimal) -> float:
    return float(value.quantize(_UNITS))


def _money(params: Fields, name: str) -> Decimal:
    try:
        value = Decimal(str(params[name]))
    except (KeyError, InvalidOperation):
        raise Refused(-32602, "Invalid params", reason="not a number", param=name) from None
    if not value.is_finite() or value <= 0 or value % _STEPS[name]:
        reason = f"must be a multiple of {_STEPS[name]}"
        raise Refused(-32602, "Invalid params", reason=reason, param=name)
    return value
