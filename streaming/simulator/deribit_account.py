"""The simulated Deribit account: one bitcoin of margin, one perpetual, orders in USD. Pure.

An inverse contract: profit of a position is its USD amount times (1/entry - 1/price), in bitcoin.
"""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from streaming.simulator import deribit_market as market
from streaming.simulator.deribit_error import DeribitError
from streaming.simulator.matching import Levels, Matching, SimulatedFill, SimulatedOrder
from streaming.simulator.price_path import PricePath

Fields = dict[str, Any]
FEE_SHARE, MARGIN_SHARE = Decimal("0.0005"), Decimal("0.02")
_STEPS = {"price": Decimal("0.5"), "amount": Decimal(10)}
_UNITS = Decimal("0.00000001")


class DeribitAccount:
    """One account; each call takes the present time in ms."""

    def __init__(self, path: PricePath) -> None:
        self._path, self._matching = path, Matching()
        self.balance = Decimal(1)
        self.position = Decimal(0)  # USD, above zero when long
        self._entry_btc = Decimal(0)  # the position's worth in bitcoin when it was opened
        self._matched_until_s = 0

    def answer(self, method: str, params: Fields, now_ms: int) -> object:
        """The result of a private method.

        Raises:
            DeribitError: Deribit's error.
        """
        calls: dict[str, Callable[[], object]] = {
            "private/buy": lambda: self._new_order("buy", params, now_ms),
            "private/sell": lambda: self._new_order("sell", params, now_ms),
            "private/cancel": lambda: self._cancel_order(params),
            "private/get_order_state": lambda: _order_fields(self._find_order(params)),
            "private/get_open_orders_by_instrument": lambda: [
                _order_fields(order) for order in self._matching.live()
            ],
            "private/get_account_summary": lambda: self._summary(now_ms),
            "private/get_account_summaries": lambda: {"summaries": [self._summary(now_ms)]},
            "private/get_user_trades_by_instrument": lambda: {
                "trades": [
                    _trade_fields(order, fill)
                    for order in self._matching.orders.values()
                    for fill in order.fills
                ],
                "has_more": False,
            },
        }
        if method not in calls:
            raise DeribitError(-32601, "Method not found")
        self._fill_resting(now_ms)
        return calls[method]()

    def _levels(self, now_ms: int) -> tuple[Levels, Levels]:
        sides = market.make_levels(self._path, market.step_at(now_ms))
        bids, asks = (
            [(Decimal(str(p)), Decimal(str(q))) for p, q in side.items()] for side in sides
        )
        return bids, asks

    def _fill_resting(self, now_ms: int) -> None:
        """Fill resting orders whose price was reached at any second since the last call."""
        live = self._matching.live()
        for second in range(self._matched_until_s + 1, now_ms // 1000 + 1) if live else ():
            bids, asks = self._levels(second * 1000)
            for order in live:
                fill_count = len(order.fills)
                best = (asks if order.side == "buy" else bids)[0][0]
                self._matching.fill_resting(order, best, second * 1000)
                self._settle_fills(order, order.fills[fill_count:])
        self._matched_until_s = now_ms // 1000

    def _settle_fills(self, order: SimulatedOrder, new_fills: list[SimulatedFill]) -> None:
        for fill in new_fills:
            sign = 1 if order.side == "buy" else -1
            self.position += sign * fill.quantity
            self._entry_btc += sign * fill.quantity / fill.price
            self.balance -= fill.quantity / fill.price * FEE_SHARE
            if not self.position:  # closed: the difference of the bitcoin amounts is the profit
                self.balance, self._entry_btc = self.balance + self._entry_btc, Decimal(0)

    def _equity(self, price: Decimal) -> Decimal:
        return self.balance + self._entry_btc - self.position / price

    def _margin(self, price: Decimal) -> Decimal:
        resting = sum(
            (order.remaining / order.price for order in self._matching.live()), Decimal(0)
        )
        return (abs(self.position) / price + resting) * MARGIN_SHARE

    def _summary(self, now_ms: int) -> Fields:
        price = self._levels(now_ms)[0][0][0]
        equity, margin = self._equity(price), self._margin(price)
        return {
            "currency": "BTC",
            "balance": _read_number(self.balance),
            "equity": _read_number(equity),
            "available_funds": _read_number(equity - margin),
            "initial_margin": _read_number(margin),
            "maintenance_margin": _read_number(margin / 2),
            "margin_balance": _read_number(equity),
            "session_upl": _read_number(equity - self.balance),
            "currency_name": "Bitcoin",
        }

    def _new_order(self, side: str, params: Fields, now_ms: int) -> Fields:
        if params.get("instrument_name") != market.INSTRUMENT:
            raise DeribitError(10020, "invalid_or_unsupported_instrument")
        kind = params.get("type", "limit")
        if kind not in {"limit", "market"}:
            raise DeribitError(-32602, "Invalid params", reason="wrong value", param="type")
        bids, asks = self._levels(now_ms)
        opposite_levels = asks if side == "buy" else bids
        amount = _money(params, "amount")
        price = opposite_levels[-1][0] if kind == "market" else _money(params, "price")
        needed_margin = amount / price * MARGIN_SHARE + self._margin(price)
        if needed_margin > self._equity(price):
            raise DeribitError(10009, "not_enough_funds")
        number = len(self._matching.orders) + 1
        order = SimulatedOrder(
            number, market.INSTRUMENT, side, price, amount, now_ms, str(params.get("label", ""))
        )
        self._matching.add(order)
        self._matching.fill(order, opposite_levels, now_ms)
        self._settle_fills(order, order.fills)
        immediate = params.get("time_in_force") in {"immediate_or_cancel", "fill_or_kill"}
        order.cancelled = order.remaining > 0 and (immediate or kind == "market")
        return {
            "order": _order_fields(order),
            "trades": [_trade_fields(order, fill) for fill in order.fills],
        }

    def _cancel_order(self, params: Fields) -> Fields:
        order = self._find_order(params)
        if not order.live:
            raise DeribitError(11044, "not_open_order")
        order.cancelled = True
        return _order_fields(order)

    def _find_order(self, params: Fields) -> SimulatedOrder:
        for order in self._matching.orders.values():
            if _id(order) == params.get("order_id"):
                return order
        raise DeribitError(10004, "order_not_found")


def _id(order: SimulatedOrder) -> str:
    return f"SIM-{order.number}"


def _order_fields(order: SimulatedOrder) -> Fields:
    state = "cancelled" if order.cancelled else "open" if order.remaining else "filled"
    average = order.paid / order.filled if order.fills else Decimal(0)
    return {
        "order_id": _id(order),
        "instrument_name": order.symbol,
        "direction": order.side,
        "price": float(order.price),
        "amount": float(order.amount),
        "order_state": state,
        "filled_amount": float(order.filled),
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


def _trade_fields(order: SimulatedOrder, fill: SimulatedFill) -> Fields:
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
        "fee": _read_number(fill.quantity / fill.price * FEE_SHARE),
        "fee_currency": "BTC",
        "liquidity": "M" if fill.maker else "T",
        "order_type": "limit",
        "tick_direction": 0,
        "index_price": float(fill.price),
        "mark_price": float(fill.price),
    }


def _read_number(amount: Decimal) -> float:
    return float(amount.quantize(_UNITS))


def _money(params: Fields, name: str) -> Decimal:
    try:
        money = Decimal(str(params[name]))
    except (KeyError, InvalidOperation):
        raise DeribitError(-32602, "Invalid params", reason="not a number", param=name) from None
    if not money.is_finite() or money <= 0 or money % _STEPS[name]:
        reason = f"must be a multiple of {_STEPS[name]}"
        raise DeribitError(-32602, "Invalid params", reason=reason, param=name)
    return money
