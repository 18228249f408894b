"""What of an order's story must agree, each comparison by itself. Pure.

The rows are the lake's; what they are compared with is the decision's recorded inputs and what
follows from them.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from include.forecast.forecast_file import Manifest
from include.market.events import Decision, Fill, Order, Top
from include.market.measures import told_imbalance
from include.trading.account import settle
from include.trading.inputs import MINUTE_US, Inputs
from include.trading.money import ZERO
from include.trading.rules import derived_again, order_of

Row = dict[str, Any]
_CLOSE = Decimal("0.00000001")
_TOP = ("bid", "bid_quantity", "ask", "ask_quantity")
_SECOND_US = 1_000_000


class Check(msgspec.Struct, frozen=True):
    """One comparison: what was compared, whether it agrees, and with what."""

    name: str
    ok: bool
    detail: str


def minute_asked(inputs: Inputs) -> int:
    """The minute (µs) whose side the rule asked of the forecast."""
    now = inputs.signal.timestamp
    return now - now % MINUTE_US + inputs.parameters.lookahead_minutes * MINUTE_US


def derived(decision: Decision) -> Check:
    """The decision follows from its inputs."""
    again = derived_again(decision)
    apart = [n for n in Decision.__struct_fields__ if getattr(again, n) != getattr(decision, n)]
    detail = f"differs in {', '.join(apart)}" if apart else "every field follows from the inputs"
    return Check("decision derived again", not apart, detail)


def of_signal(
    signals: Sequence[Row], book: Sequence[Row], tops: Sequence[Row], inputs: Inputs
) -> list[Check]:
    """The signal is what the lake has, and what its book events come to."""
    if inputs.signal.type == "imbalance":
        return [_lean(tops, inputs)]
    told = [one["value"] for one in signals]
    ok = told == [inputs.signal.value]
    detail = f"{told or 'none'}, the rule saw {inputs.signal.value}"
    return [Check("signal in the lake", ok, detail), _ratio(book, inputs)]


def top(tops: Sequence[Row], inputs: Inputs) -> Check:
    """The best prices at their Kafka offset are those that the rule saw."""
    seen = inputs.book.top if inputs.book else None
    told = [one[f"top_{name}"] for one in tops for name in ("bid", "ask")]
    ok = seen is not None and told == [seen.bid, seen.ask]
    return Check("top of the book in the lake", ok, f"bid and ask {[str(one) for one in told]}")


def forecast(rows: Sequence[Row], inputs: Inputs) -> Check:
    """The forecast's row of the minute has the side that the rule saw."""
    if inputs.forecast.forecast_id is None:
        return Check("forecast in the lake", True, "the decision had none")
    sides = [one["side"] for one in rows]
    at = datetime.fromtimestamp(minute_asked(inputs) // _SECOND_US, UTC)
    return Check(
        "forecast in the lake",
        sides == [inputs.forecast.side],
        f"{at:%Y-%m-%d %H:%M}: {sides or 'none'}",
    )


def manifest(kept: Manifest | None, inputs: Inputs) -> Check:
    """The published forecast claims what the rule was told of it."""
    name, seen = "forecast's manifest", inputs.forecast.trained_until
    if kept is None:
        return Check(name, True, "no longer kept (the lake has the rows)")
    until = int(kept.trained_until.timestamp()) * _SECOND_US
    return Check(name, until == seen, f"trained until {kept.trained_until:%Y-%m-%d %H:%M}")


def order(row: Row, decision: Decision) -> Check:
    """The order is the one that the decision asks for."""
    asked = order_of(decision, broker=row["broker"])
    names = ("order_id", "side", "price", "quantity")
    apart = [n for n in names if asked is None or getattr(asked, n) != row[n]]
    detail = f"differs in {', '.join(apart)}" if apart else "id, side, limit and quantity"
    return Check("order follows from the decision", not apart, detail)


def fills(row: Row, rows: Sequence[Row]) -> Check:
    """The executions add up to what the order says, on its side and within its limit."""
    done = sum((one["quantity"] for one in rows), ZERO)
    sign = 1 if row["side"] == "buy" else -1
    beyond = [
        one["fill_id"]
        for one in rows
        if one["side"] != row["side"] or (one["price"] - row["price"]) * sign > 0
    ]
    detail = f"{len(rows)} fills of {done:f}, the order says {row['executed']:f}"
    if beyond:
        detail += f"; beyond its limit or side: {', '.join(beyond)}"
    return Check("fills of the order", done == row["executed"] and not beyond, detail)


def account(
    row: Row, rows: Sequence[Row], balances: Sequence[Row], scores: Sequence[Row], inputs: Inputs
) -> list[Check]:
    """Balances and score follow from what was held before and the executions."""
    told = Order(**{name: row[name] for name in Order.__struct_fields__})
    done = [Fill(**{name: one[name] for name in Fill.__struct_fields__}) for one in rows]
    after, score = settle(inputs.account, told, done)
    base, _, quote = inputs.signal.symbol.partition("-")
    due = {base: after.base, quote: after.quote} if done else {}
    held = {one["currency"]: one["amount"] for one in balances}
    profit = [one["profit"] for one in scores]
    return [
        Check(
            "balances after the fills",
            held == due,
            ", ".join(f"{one} {amount:f}" for one, amount in held.items()) or "none changed",
        ),
        Check(
            "score of the sale",
            profit == ([score.profit] if score else []),
            f"profit {profit[0]:f}" if profit else "none",
        ),
    ]


def _ratio(book: Sequence[Row], inputs: Inputs) -> Check:
    sums = {
        side: sum((one["amount"] for one in book if one["side"] == side), ZERO)
        for side in ("bid", "ask")
    }
    if not sums["bid"] or not sums["ask"]:
        return Check("ratio computed anew", False, "the lake has not both sides of the window")
    ratio = sums["ask"] / sums["bid"]
    ok = abs(ratio - inputs.signal.value) < _CLOSE * max(1, ratio)
    return Check("ratio computed anew", ok, f"{ratio:.8f} from the window's book changes")


def _lean(tops: Sequence[Row], inputs: Inputs) -> Check:
    numbers = [tops[0][f"top_{name}"] for name in _TOP if tops]
    whole = len(numbers) == len(_TOP) and None not in numbers
    value = told_imbalance(Top(*numbers)) if whole else None
    detail = "the lake has no such top" if value is None else f"{value:f} from the top's quantities"
    return Check("imbalance computed anew", value == inputs.signal.value, detail)
