"""Trigger orders of the simulated Deribit: they wait for a price, then place an order. Pure.

Source: docs.deribit.com, API reference, "private/buy", "Order types". The ids are like `SLTS-28`:
stop loss, by the last price (T), a sale; the letters of take profit and trailing stop are ours.
"""

from dataclasses import dataclass
from decimal import Decimal

from streaming.simulator import deribit_market as market
from streaming.simulator.deribit_error import DeribitError
from streaming.simulator.deribit_orders import DeribitOrder, read_steps
from streaming.simulator.json_fields import Values
from streaming.simulator.price_path import PricePath

_PREFIXES = {"stop": "SL", "take": "TP", "trailing": "TS"}
_FLAGS = ("post_only", "reject_post_only", "reduce_only")
_PLACED_NAMES = ("instrument_name", "label", "time_in_force", "price", *_FLAGS)
_LETTERS = {"index_price": "I", "mark_price": "M", "last_price": "T"}


@dataclass
class TriggerOrder:
    """An order that waits until the price of its trigger is at its trigger price, or beyond.

    `values` are the parameters of the request; those of the order that it places are among them.
    """

    number: int
    side: str
    values: Values
    at_ms: int
    amount: Decimal
    trigger_price: Decimal
    reference_price: Decimal  # of the trigger, when the order was placed
    changed_ms: int
    state: str = "untriggered"
    placed_order_id: str = ""  # once triggered
    reject_reason: str = ""
    cancel_reason: str = ""
    replaced: bool = False

    @property
    def order_id(self) -> str:
        """Its id."""
        prefix, letter = _PREFIXES[self.kind.partition("_")[0]], _LETTERS[self.trigger]
        return f"{prefix}{letter}{self.side[0].upper()}-{self.number}"

    @property
    def kind(self) -> str:
        """Its type."""
        return str(self.values["type"])

    @property
    def trigger(self) -> str:
        """Which price it waits for."""
        return str(self.values["trigger"])

    @property
    def client_id(self) -> str:
        """Its label."""
        return str(self.values.get("label", ""))

    @property
    def live(self) -> bool:
        """Whether it still waits."""
        return self.state == "untriggered"

    def _waits_for_rise(self) -> bool:
        return (self.side == "buy") != self.kind.startswith("take")

    def is_reached(self, price: Decimal) -> bool:
        """Whether this price of its trigger is its trigger price, or beyond."""
        if self._waits_for_rise():
            return price >= self.trigger_price
        return price <= self.trigger_price

    def follow(self, price: Decimal) -> None:
        """Bring a trailing stop's trigger price after a better price."""
        if self.kind == "trailing_stop":
            offset: Decimal = self.values["trigger_offset"]
            choose = min if self.side == "buy" else max
            signed = offset if self.side == "buy" else -offset
            self.trigger_price = choose(self.trigger_price, price + signed)

    def refuse_reached(self, price: Decimal) -> None:
        """Refuse a trigger price that is reached already.

        Raises:
            DeribitError: it is too low, or too high.
        """
        if self.is_reached(price) and self._waits_for_rise():
            raise DeribitError(10035, "trigger_price_too_low")
        if self.is_reached(price):
            raise DeribitError(10034, "trigger_price_too_high")

    def change(self, new_values: Values, price: Decimal, now_ms: int) -> None:
        """Wait for another price, or with another order.

        Raises:
            DeribitError: the new trigger price is reached already.
        """
        draft = draft_trigger(
            self.side, self.values | new_values, price, number=self.number, now_ms=now_ms
        )
        self.values, self.amount = draft.values, draft.amount
        self.trigger_price, self.replaced, self.changed_ms = draft.trigger_price, True, now_ms


AccountOrder = DeribitOrder | TriggerOrder


def price_of(path: PricePath, trigger: str, now_ms: int) -> Decimal:
    """The present price of a trigger; mark price and index are the same."""
    is_last = trigger == "last_price"
    price = market.last_price(path, now_ms) if is_last else market.index_price(path, now_ms)
    return Decimal(str(price))


def draft_trigger(
    side: str, values: Values, price: Decimal, *, number: int, now_ms: int
) -> TriggerOrder:
    """The trigger order of parameters that fit its type, at the present price of its trigger.

    Raises:
        DeribitError: a number is not in steps, or the trigger price is reached already.
    """
    amount = read_steps(values, "amount")
    if not values["type"].endswith("market") and values["type"] != "trailing_stop":
        read_steps(values, "price")
    if values["type"] == "trailing_stop":
        offset = read_steps(values, "trigger_offset")
        trigger_price = price + offset if side == "buy" else price - offset
    else:
        trigger_price = read_steps(values, "trigger_price")
    order = TriggerOrder(number, side, values, now_ms, amount, trigger_price, price, now_ms)
    order.refuse_reached(price)
    return order


def make_placed_values(trigger_order: TriggerOrder) -> Values:
    """The parameters of the order that a trigger order places: a limit or a market one."""
    is_limit = trigger_order.kind.endswith("limit")
    placed_values = {
        name: trigger_order.values[name] for name in _PLACED_NAMES if name in trigger_order.values
    }
    return placed_values | {
        "type": "limit" if is_limit else "market",
        "amount": trigger_order.amount,
    }
