"""A trace as a page of text, and as JSON."""

import msgspec

from include.forecast.manifest import Manifest
from include.trading.inputs import SeenForecast, SeenTop
from include.trading.reasons import parse_reasons
from streaming.trader.trace.trace import Trace


def render_json(trace: Trace) -> str:
    """The trace as JSON text."""
    return msgspec.json.format(msgspec.json.encode(trace)).decode()


def render_page(trace: Trace) -> str:
    """The trace as one page of text."""
    lines = [
        *_order_lines(trace),
        *_decision_lines(trace),
        *_manifest_lines(trace.manifest),
        f"versions  {', '.join(f'{name} {number}' for name, number in trace.versions.items())}",
        *[
            f"{'agrees   ' if check.ok else 'DIFFERS  '} {check.name}: {check.detail}"
            for check in trace.checks
        ],
    ]
    lines.append(
        "verdict   the decision follows from these rows"
        if trace.matches
        else "verdict   the rows contradict each other"
    )
    return "\n".join(lines)


def _order_lines(trace: Trace) -> list[str]:
    order = trace.order
    return [
        f"order     {order['order_id']}  {order['broker']}  {order['status']}",
        f"          {order['side']} {order['quantity']} at {order['price']}, "
        f"executed {order['executed']}",
        *[
            f"fill      {fill['quantity']} at {fill['price']}, fee {fill['fee']}"
            f"  ({fill['fill_id']})"
            for fill in trace.fills
        ],
        *[
            f"score     profit {score['profit']}, of all sales {score['cumulative_profit']}"
            for score in trace.scores
        ],
    ]


def _decision_lines(trace: Trace) -> list[str]:
    decision, inputs = trace.decision, trace.inputs
    return [
        f"decision  {decision['decision_id']}  {decision['action']}: {decision['reasons']}",
        *[f"          {r}: {r.sentence}" for r in parse_reasons(decision["reasons"])],
        f"signal    {inputs.signal.type} {inputs.signal.value}, window from "
        f"{decision['window_start']}",
        *[
            f"book      {row['side']}: {row['changes']} changes worth {row['amount']:f}, "
            f"market.book/{row['partition']} offsets {row['first_offset']}..{row['last_offset']}"
            for row in trace.book
        ],
        f"top       bid {decision['bid']}, ask {decision['ask']}{_record(inputs.top)}",
        f"forecast  {inputs.forecast.forecast_id} predicts {inputs.forecast.side}"
        f" (now {inputs.forecast.side_now})",
        *_anchor_lines(inputs.forecast),
    ]


def _anchor_lines(forecast: SeenForecast) -> list[str]:
    anchor = forecast.anchor
    if anchor is None:
        return []
    return [
        f"          re-anchored at {anchor.price:f} with volatility {anchor.volatility:.3g}: "
        f"{forecast.level:.8g}, from {forecast.lower:.8g} to {forecast.upper:.8g}"
    ]


def _record(top: SeenTop | None) -> str:
    record = top.record_id if top else None
    return f", {record.topic}/{record.partition} offset {record.offset}" if record else ""


def _manifest_lines(manifest: Manifest | None) -> list[str]:
    if manifest is None:
        return []
    inputs = ", ".join(f"{name} {number}" for name, number in manifest.versions.items())
    return [
        f"          {manifest.model}, trained until {manifest.trained_until:%Y-%m-%d %H:%M}, made "
        f"{manifest.made_at:%Y-%m-%d %H:%M}, on {inputs or 'no table'}",
        f"          sha256 {manifest.sha256}",
    ]
