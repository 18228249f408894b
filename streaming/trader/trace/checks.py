"""What of an order's trace must agree, each comparison by itself. Pure.

The rows are the lake's; what they are compared with is the decision's recorded inputs and what
follows from them.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from include.checks import Check
from include.forecast.manifest import Manifest
from include.market.average import AVERAGE_PRICE
from include.market.events import Decision, Fill, Order, Top
from include.market.measures import imbalance_of
from include.market.numerals import ZERO
from include.market.predicted_move import Move, move_ahead, side_of
from include.market.time import SECOND_US
from include.trading.account import settle
from include.trading.decision import order_for, rederive, source_digest
from include.trading.inputs import Inputs, read
from include.trading.money import STEP
from streaming.trader.followers.window_signals import KINDS, RATIO, SILENT

TraceRow = dict[str, Any]
_IN_LAKE, _SILENT = "signal in the lake", "window was silent"
_RATIO, _SUM = "ratio recomputed", "sum recomputed"
BALANCES = ("base_total", "base_available", "quote_total", "quote_available")  # older rows: null
_TOP = ("bid", "bid_quantity", "ask", "ask_quantity")


def fields_of(event_class: type[msgspec.Struct], table_row: TraceRow) -> dict[str, Any]:
    """A row's columns of an event's fields; a column that an older row lacks is null."""
    return {name: table_row.get(name) for name in event_class.__struct_fields__}


def forecast_move(inputs: Inputs) -> Move:
    """The minutes (µs) between whose closes lies the predicted move that the rule acted on."""
    minutes = inputs.parameters.lookahead_minutes
    return move_ahead(inputs.signal.timestamp, lookahead_minutes=minutes)


def check_decision(decision: Decision) -> Check:
    """The decision follows from its inputs, by the rule as it was then."""
    digest = read(decision.inputs).rule_digest
    if digest and digest != source_digest(decision.rule):
        detail = f"the file of rule {decision.rule} is not the one it was decided by ({digest})"
        return Check("decision derived again", False, detail)
    rederived = rederive(decision)
    differing = [
        name
        for name in Decision.__struct_fields__
        if getattr(rederived, name) != getattr(decision, name)
        and not (name in BALANCES and getattr(decision, name) is None)
    ]
    detail = (
        f"differs in {', '.join(differing)}" if differing else "every field follows from the inputs"
    )
    return Check("decision derived again", not differing, detail)


def check_signal(
    signal_rows: Sequence[TraceRow],
    book_rows: Sequence[TraceRow],
    top_rows: Sequence[TraceRow],
    inputs: Inputs,
) -> list[Check]:
    """The signal is what the lake has, and what its book events come to."""
    signal = inputs.signal
    if signal.type == "imbalance":
        return [_check_imbalance(top_rows, inputs)]
    sums = {
        side: sum((row["amount"] for row in book_rows if row["side"] == side), ZERO)
        for side in ("bid", "ask")
    }
    if signal.type != AVERAGE_PRICE and (restated := _check_restated(signal_rows, sums, inputs)):
        return restated
    if signal.type == SILENT:
        silent = Check(_IN_LAKE, not signal_rows, f"{len(signal_rows)}, none was due")
        return [silent, Check(_SILENT, not book_rows, f"{sums} from its book changes")]
    recorded = [row["value"] for row in signal_rows if row["type"] == signal.type]
    ok = recorded == [signal.value]
    in_lake = Check(_IN_LAKE, ok, f"{recorded or 'none'}, the rule saw {signal.value}")
    if signal.type == AVERAGE_PRICE:
        return [in_lake]
    if signal.type == RATIO:
        return [in_lake, _check_ratio(sums, inputs)]
    return [in_lake, _check_sum(sums, inputs)]


def check_top(top_rows: Sequence[TraceRow], inputs: Inputs) -> Check:
    """The best prices at their Kafka offset are those that the rule saw."""
    best = inputs.top.best if inputs.top else None
    prices = [row[f"top_{name}"] for row in top_rows for name in ("bid", "ask")]
    ok = best is not None and prices == [best.bid, best.ask]
    detail = f"bid and ask {[str(price) for price in prices]}"
    return Check("top of the book in the lake", ok, detail)


def check_forecast(forecast_rows: Sequence[TraceRow], inputs: Inputs) -> Check:
    """The lake's rows of the move that the decision acted on have the side that the rule saw."""
    if inputs.forecast.forecast_id is None:
        return Check("forecast in the lake", True, "the decision had none")
    start, end = (datetime.fromtimestamp(at // SECOND_US, UTC) for at in forecast_move(inputs))
    ends = [row for row in forecast_rows if row["ds"] == end]
    if inputs.parameters.lookahead_minutes == 1:
        sides = [row["side"] for row in ends]
    else:
        sides = [
            side_of(before["yhat"], after["yhat"], hold_bps=inputs.parameters.hold_bps)
            for after in ends
            for before in forecast_rows
            if before["ds"] == start
        ]
    detail = f"from {start:%Y-%m-%d %H:%M} to {end:%H:%M}: {sides or 'none'}"
    return Check("forecast in the lake", sides == [inputs.forecast.side], detail)


def check_manifest(manifest: Manifest | None, inputs: Inputs) -> Check:
    """The published forecast claims what the rule saw of it."""
    name, trained_until = "forecast's manifest", inputs.forecast.trained_until
    if manifest is None:
        return Check(name, True, "no longer kept (the lake has the rows)")
    until = int(manifest.trained_until.timestamp()) * SECOND_US
    detail = f"trained until {manifest.trained_until:%Y-%m-%d %H:%M}"
    return Check(name, until == trained_until, detail)


def check_order(order_row: TraceRow, decision: Decision) -> Check:
    """The order is the one that the decision calls for."""
    expected = order_for(decision, broker=order_row["broker"])
    names = ("order_id", "side", "price", "quantity")
    differing = [n for n in names if expected is None or getattr(expected, n) != order_row[n]]
    detail = f"differs in {', '.join(differing)}" if differing else "id, side, limit and quantity"
    return Check("order follows from the decision", not differing, detail)


def check_fills(order_row: TraceRow, fill_rows: Sequence[TraceRow]) -> Check:
    """The executions add up to the order's sum, on its side and within its limit."""
    executed = sum((fill["quantity"] for fill in fill_rows), ZERO)
    sign = 1 if order_row["side"] == "buy" else -1
    beyond = [
        fill["fill_id"]
        for fill in fill_rows
        if fill["side"] != order_row["side"] or (fill["price"] - order_row["price"]) * sign > 0
    ]
    detail = f"{len(fill_rows)} fills of {executed:f}, the order has {order_row['executed']:f}"
    if beyond:
        detail += f"; beyond its limit or side: {', '.join(beyond)}"
    return Check("fills of the order", executed == order_row["executed"] and not beyond, detail)


def check_account(
    order_row: TraceRow,
    fill_rows: Sequence[TraceRow],
    balance_rows: Sequence[TraceRow],
    score_rows: Sequence[TraceRow],
    inputs: Inputs,
) -> list[Check]:
    """Balances and score follow from what was held before and the executions."""
    placed = Order(**(fields_of(Order, order_row) | {"ordered_at": None}))
    executions = [Fill(**fields_of(Fill, row)) for row in fill_rows]
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


def _check_restated(
    signal_rows: Sequence[TraceRow], sums: Mapping[str, Decimal], inputs: Inputs
) -> list[Check]:
    """Of a window that late changes have restated since the decision; empty of any other.

    The lake has another number than the rule saw, and it is what all book changes of the window
    come to. That the decision follows from the number that it saw is a check of its own.
    """
    signal, (bids, asks) = inputs.signal, (sums["bid"], sums["ask"])
    in_lake = {row["type"]: row["value"] for row in signal_rows if row["type"] in KINDS}
    best = next((kind for kind in KINDS if kind in in_lake), None)
    is_due = best == RATIO if bids and asks else signal.type in {best, SILENT}
    if best is None or not is_due or in_lake[best] == signal.value:
        return []
    comes_to = {"bid": bids, "ask": asks, RATIO: asks / bids if bids and asks else ZERO}
    if not all(_is_close(comes_to[kind], amount) for kind, amount in in_lake.items()):
        return []
    computed = {RATIO: _RATIO, SILENT: _SILENT}.get(signal.type, _SUM)
    numbers = ", ".join(f"{kind} {amount:f}" for kind, amount in in_lake.items())
    was = "none" if signal.type == SILENT else f"{signal.type} {signal.value:f}"
    detail = f"restated since: {numbers}, the rule saw {was}"
    return [Check(_IN_LAKE, True, detail), Check(computed, True, "late changes included")]


def _is_close(expected: Decimal, recorded: Decimal) -> bool:
    return abs(expected - recorded) < STEP * max(Decimal(1), expected)


def _check_sum(sums: Mapping[str, Decimal], inputs: Inputs) -> Check:
    """Of a window that changed on one side only: that side's sum, and none of the other."""
    signal = inputs.signal
    ok = _is_close(sums[signal.type], signal.value)
    is_one_sided = not all(sums.values())
    return Check(_SUM, ok and is_one_sided, f"{sums} from the window's book changes")


def _check_ratio(sums: Mapping[str, Decimal], inputs: Inputs) -> Check:
    bids, asks = sums["bid"], sums["ask"]
    if not bids or not asks:
        return Check(_RATIO, False, "the lake has not both sides of the window")
    ratio = asks / bids
    ok = _is_close(ratio, inputs.signal.value)
    return Check(_RATIO, ok, f"{ratio:.8f} from the window's book changes")


def _check_imbalance(top_rows: Sequence[TraceRow], inputs: Inputs) -> Check:
    numbers = [top_rows[0][f"top_{name}"] for name in _TOP if top_rows]
    is_complete = len(numbers) == len(_TOP) and None not in numbers
    imbalance = imbalance_of(Top(*numbers)) if is_complete else None
    detail = (
        "the lake has no such top"
        if imbalance is None
        else f"{imbalance:f} from the top's quantities"
    )
    return Check("imbalance recomputed", imbalance == inputs.signal.value, detail)
