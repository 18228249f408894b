"""An order of the simulated Deribit, and what the parameters of a new one may not combine. Pure.

Source: docs.deribit.com, API reference, "private/buy", and its error codes.
"""

from dataclasses import dataclass
from decimal import Decimal

from include.market.time import DAY_MS, HOUR_MS
from streaming.simulator.deribit_error import DeribitError, refuse_param
from streaming.simulator.deribit_market import INSTRUMENT
from streaming.simulator.json_fields import Values
from streaming.simulator.matching import Levels, SimulatedOrder

STEPS = {name: Decimal("0.5") for name in ("price", "trigger_price", "trigger_offset")}
STEPS["amount"] = Decimal(10)
TRIGGER_KINDS = ("stop_limit", "stop_market", "take_limit", "take_market", "trailing_stop")
KINDS = ("limit", "market", "market_limit", *TRIGGER_KINDS)
_UNTIL_CANCELLED = "good_til_cancelled"
_SETTLED_AT_MS = 8 * HOUR_MS  # of a UTC day
_WRONG_TICKS = {
    "price": (10043, "price_wrong_tick"),
    "trigger_price": (10044, "trigger_price_wrong_tick"),
    "trigger_offset": (10044, "trigger_price_wrong_tick"),
}


@dataclass
class DeribitOrder(SimulatedOrder):
    """An order of the book, with what Deribit knows of it."""

    post_only: bool = False
    reject_post_only: bool = False
    reduce_only: bool = False
    replaced: bool = False
    until_ms: int | None = None  # the end of its day
    changed_ms: int = 0
    original_kind: str = ""
    trigger_order_id: str = ""  # of the order that placed it
    cancel_reason: str = ""

    @property
    def order_id(self) -> str:
        """Its id."""
        return f"SIM-{self.number}"

    def make_values(self) -> Values:
        """The parameters of a request that would place it."""
        names = ("price", "amount", "time_in_force", "post_only", "reject_post_only", "reduce_only")
        return {"type": self.kind} | {name: getattr(self, name) for name in names}

    def change(self, new_values: Values, now_ms: int) -> None:
        """Take other values.

        Raises:
            DeribitError: one is not in steps, or the amount is filled already.
        """
        price = read_steps(new_values, "price") if "price" in new_values else self.price
        amount = read_steps(new_values, "amount") if "amount" in new_values else self.amount
        if amount <= self.filled:
            raise refuse_param("amount", "must be above what is filled")
        self.price, self.amount, self.replaced, self.changed_ms = price, amount, True, now_ms
        for name in ("post_only", "reject_post_only", "reduce_only"):
            setattr(self, name, new_values.get(name, getattr(self, name)))


def check_form(values: Values, now_ms: int) -> None:
    """Check that a new order's parameters fit its type.

    Raises:
        DeribitError: one is missing, one too many, or the request came too late.
    """
    if now_ms > values.get("valid_until", now_ms):
        raise DeribitError(13888, "timed_out")
    kind = values.get("type", "limit")
    rests = values.get("time_in_force", _UNTIL_CANCELLED) == _UNTIL_CANCELLED
    if values.get("post_only") and (not rests or "limit" not in kind or kind == "market_limit"):
        raise DeribitError(11055, "post_only_not_allowed")
    if values.get("reject_post_only") and not values.get("post_only"):
        raise DeribitError(11047, "unsupported_arg_combination")
    needed = _needed_by(kind)
    for name in needed:
        if name not in values:
            raise refuse_param(name, "value required")
    if {"trigger", "trigger_price", "trigger_offset"} & set(values) - set(needed):
        raise DeribitError(11047, "unsupported_arg_combination")


def _needed_by(kind: str) -> tuple[str, ...]:
    if kind == "trailing_stop":
        return ("trigger", "trigger_offset")
    triggers = ("trigger", "trigger_price") if kind in TRIGGER_KINDS else ()
    return (*triggers, "price") if kind.endswith("limit") and kind != "market_limit" else triggers


def read_steps(values: Values, name: str) -> Decimal:
    """A price or an amount in whole steps, above zero.

    Raises:
        DeribitError: there is none, or it is not one.
    """
    if name not in values:
        raise refuse_param(name, "value required")
    number: Decimal = values[name]
    if number <= 0 or (number % STEPS[name] and name not in _WRONG_TICKS):
        raise refuse_param(name, f"must be a multiple of {STEPS[name]}")
    if number % STEPS[name]:
        raise DeribitError(*_WRONG_TICKS[name])
    return number


def _end_of_day(values: Values, now_ms: int) -> int | None:
    """When an order for the day ends: at the next settlement; none for another."""
    if values.get("time_in_force") != "good_til_day":
        return None
    return (now_ms - _SETTLED_AT_MS) // DAY_MS * DAY_MS + DAY_MS + _SETTLED_AT_MS


def draft_order(
    side: str, values: Values, opposite: Levels, *, number: int, now_ms: int
) -> DeribitOrder:
    """The order of parameters that fit its type; `opposite` are the other side's levels.

    A `market_limit` order is a limit order at the best price.

    Raises:
        DeribitError: amount or price is not in steps.
    """
    kind = values.get("type", "limit")
    amount, price = read_steps(values, "amount"), opposite[-1][0]
    if kind == "market_limit":
        price = opposite[0][0]
    elif kind == "limit":
        price = read_steps(values, "price")
    return DeribitOrder(
        number,
        INSTRUMENT,
        side,
        price,
        amount,
        now_ms,
        values.get("label", ""),
        kind="limit" if kind == "market_limit" else kind,
        time_in_force=values.get("time_in_force", _UNTIL_CANCELLED),
        post_only=values.get("post_only", False),
        reject_post_only=values.get("reject_post_only", False),
        reduce_only=values.get("reduce_only", False),
        until_ms=_end_of_day(values, now_ms),
        changed_ms=now_ms,
        original_kind=kind if kind == "market_limit" else "",
    )


def check_post_only(book_order: DeribitOrder, opposite: Levels) -> None:
    """Price a post-only order that would take below the best price.

    Raises:
        DeribitError: it would take, and is to be refused then.
    """
    if not book_order.post_only or not book_order.reaches(opposite[0][0]):
        return
    if book_order.reject_post_only:
        raise DeribitError(11054, "post_only_reject")
    step = STEPS["price"] if book_order.side == "buy" else -STEPS["price"]
    book_order.price = opposite[0][0] - step
