"""What of an order's trace must agree, each comparison by itself. Pure.

The rows are the lake's; what they are compared with is the decision's recorded inputs and what
follows from them.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from include.checks import Check
from include.forecast.forecast_file import Manifest
from include.market.events import Decision, Fill, Order, Top
from include.market.measures import imbalance_of
from include.market.time import MINUTE_US, SECOND_US
from include.trading.account import settle
from include.trading.decision import order_for, rederive
from include.trading.inputs import Inputs
from include.trading.money import ZERO

Row = dict[str, Any]
_TOLERANCE = Decimal("0.00000001")
_TOP = ("bid", "bid_quantity", "ask", "ask_quantity")


def forecast_minute(inputs: Inputs) -> int:
    """The minute (µs) whose side the rule read from the forecast."""
    window_end = inputs.signal.timestamp
    return window_end - window_end % MINUTE_US + inputs.parameters.lookahead_minutes * MINUTE_US


def check_decision(decision: Decision) -> Check:
    """The decision follows from its inputs."""
    rederived = rederive(decision)
    differing = [
        name
        for name in Decision.__struct_fields__
        if getattr(rederived, name) != getattr(decision, name)
    ]
    detail = (
        f"differs in {', '.join(differing)}" if differing else "every field follows from the inputs"
    )
    return Check("decision derived again", not differing, detail)


def check_signal(
    signal_rows: Sequence[Row], book_rows: Sequence[Row], top_rows: Sequence[Row], inputs: Inputs
) -> list[Check]:
    """The signal is what the lake has, and what its book events come to."""
    if inputs.signal.type == "imbalance":
        return [_check_imbalance(top_rows, inputs)]
    recorded = [row["value"] for row in signal_rows]
    ok = recorded == [inputs.signal.value]
    detail = f"{recorded or 'none'}, the rule saw {inputs.signal.value}"
    return [Check("signal in the lake", ok, detail), _check_ratio(book_rows, inputs)]


def check_top(top_rows: Sequence[Row], inputs: Inputs) -> Check:
    """The best prices at their Kafka offset are those that the rule saw."""
    best = inputs.top.best if inputs.top else None
    prices = [row[f"top_{name}"] for row in top_rows for name in ("bid", "ask")]
    ok = best is not None and prices == [best.bid, best.ask]
    detail = f"bid and ask {[str(price) for price in prices]}"
    return Check("top of the book in the lake", ok, detail)


def check_forecast(forecast_rows: Sequence[Row], inputs: Inputs) -> Check:
    """The forecast's row of the minute has the side that the rule saw."""
    if inputs.forecast.forecast_id is None:
        return Check("forecast in the lake", True, "the decision had none")
    sides = [row["side"] for row in forecast_rows]
    minute = datetime.fromtimestamp(forecast_minute(inputs) // SECOND_US, UTC)
    return Check(
        "forecast in the lake",
        sides == [inputs.forecast.side],
        f"{minute:%Y-%m-%d %H:%M}: {sides or 'none'}",
    )


def check_manifest(manifest: Manifest | None, inputs: Inputs) -> Check:
    """The published forecast claims what the rule saw of it."""
    name, trained_until = "forecast's manifest", inputs.forecast.trained_until
    if manifest is None:
        return Check(name, True, "no longer kept (the lake has the rows)")
    until = int(manifest.trained_until.timestamp()) * SECOND_US
    detail = f"trained until {manifest.trained_until:%Y-%m-%d %H:%M}"
    return Check(name, until == trained_until, detail)


def check_order(order_row: Row, decision: Decision) -> Check:
    """The order is the one that the decision calls for."""
    expected = order_for(decision, broker=order_row["broker"])
    names = ("order_id", "side", "price", "quantity")
    differing = [n for n in names if expected is None or getattr(expected, n) != order_row[n]]
    detail = f"differs in {', '.join(differing)}" if differing else "id, side, limit and quantity"
    return Check("order follows from the decision", not differing, detail)


def check_fills(order_row: Row, fill_rows: Sequence[Row]) -> Check:
    """The executions add up to what the order says, on its side and within its limit."""
    executed = sum((fill["quantity"] for fill in fill_rows), ZERO)
    sign = 1 if order_row["side"] == "buy" else -1
    beyond = [
        fill["fill_id"]
        for fill in fill_rows
        if fill["side"] != order_row["side"] or (fill["price"] - order_row["price"]) * sign > 0
    ]
    detail = f"{len(fill_rows)} fills of {executed:f}, the order says {order_row['executed']:f}"
    if beyond:
        detail += f"; beyond its limit or side: {', '.join(beyond)}"
    return Check("fills of the order", executed == order_row["executed"] and not beyond, detail)


def check_account(
    order_row: Row,
    fill_rows: Sequence[Row],
    balance_rows: Sequence[Row],
    score_rows: Sequence[Row],
    inputs: Inputs,
) -> list[Check]:
    """Balances and score follow from what was held before and the executions."""
    placed = Order(**{name: order_row[name] for name in Order.__struct_fields__})
    executions = [Fill(**{name: row[name] for name in Fill.__struct_fields__}) for row in fill_rows]
    after, score = settle(inputs.account, placed, executions)
    base, _, quote = inputs.signal.symbol.partition("-")
    expected = {base: after.base, quote: after.quote} if executions else {}
    recorded = {row["currency"]: row["amount"] for row in balance_rows}
    profits = [row["profit"] for row in score_rows]
    return [
        Check(
            "balances after the fills",
            recorded == expected,
            ", ".join(f"{currency} {amount:f}" for currency, amount in recorded.items())
            or "none changed",
        ),
        Check(
            "score of the sale",
            profits == ([score.profit] if score else []),
            f"profit {profits[0]:f}" if profits else "none",
        ),
    ]


def _check_ratio(book_rows: Sequence[Row], inputs: Inputs) -> Check:
    name = "ratio computed anew"
    bids, asks = (
        sum((row["amount"] for row in book_rows if row["side"] == side), ZERO)
        for side in ("bid", "ask")
    )
    if not bids or not asks:
        return Check(name, False, "the lake has not both sides of the window")
    ratio = asks / bids
    ok = abs(ratio - inputs.signal.value) < _TOLERANCE * max(1, ratio)
    return Check(name, ok, f"{ratio:.8f} from the window's book changes")


def _check_imbalance(top_rows: Sequence[Row], inputs: Inputs) -> Check:
    numbers = [top_rows[0][f"top_{name}"] for name in _TOP if top_rows]
    is_complete = len(numbers) == len(_TOP) and None not in numbers
    imbalance = imbalance_of(Top(*numbers)) if is_complete else None
    detail = (
        "the lake has no such top"
        if imbalance is None
        else f"{imbalance:f} from the top's quantities"
    )
    return Check("imbalance computed anew", imbalance == inputs.signal.value, detail)
