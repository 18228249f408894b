"""From an order back to all that made it, read from the lake, and whether it follows from that.

The decision is derived again from its recorded inputs, and those inputs are compared with what
the lake has itself: the signal's row, the top at its Kafka offset, the forecast's row, and the
ratio computed anew from the window's book changes.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from include.errors import QueryError, WireError
from include.forecast.forecast_file import Manifest, published
from include.lake.reading import connect, open_table
from include.market.events import Decision
from include.settings import Settings
from include.trading.inputs import Inputs, SeenTop, read
from streaming.trader import trace_checks as checks
from streaming.trader.trace_checks import Check, Row

TABLES = (
    "orders",
    "decisions",
    "fills",
    "scores",
    "balances",
    "signals",
    "book_changes",
    "forecasts",
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BOOK = """
SELECT side, sum(price * remaining) AS amount, count(*) AS changes, "partition",
       min("offset") AS first_offset, max("offset") AS last_offset
FROM (SELECT DISTINCT ON (venue_event_id, event_index) * FROM book_changes
      WHERE venue = ? AND symbol = ? AND venue_time >= ? AND venue_time < ?
        AND side IS NOT NULL
      ORDER BY venue_event_id, event_index, "partition", "offset")
GROUP BY side, "partition" ORDER BY side
"""


class Trace(msgspec.Struct, frozen=True):
    """All about one order. `versions` are the Delta versions that were read."""

    order: Row
    decision: Row
    inputs: Inputs
    fills: list[Row]
    scores: list[Row]
    balances: list[Row]
    signal: Row | None
    top: Row | None
    book: list[Row]
    forecast: Row | None
    manifest: Manifest | None
    versions: dict[str, int]
    checks: list[Check]

    @property
    def matches(self) -> bool:
        """Whether everything agrees."""
        return all(check.ok for check in self.checks)


def trace(settings: Settings, order_id: str) -> Trace:
    """Everything behind an order.

    Raises:
        QueryError: the lake has no such order, or not its decision.
    """
    lake = _Lake(settings.lake)
    order = _one(lake, "orders", "order_id = ?", order_id)
    row = _one(lake, "decisions", "decision_id = ?", order["decision_id"])
    decision, inputs = _decision(row)
    window = (_at(inputs.signal.window_start), _at(inputs.signal.timestamp))
    whose = (inputs.signal.venue, inputs.signal.symbol)
    signals = lake.rows(
        "signals",
        "venue = ? AND symbol = ? AND type = ? AND window_start = ?",
        *whose,
        inputs.signal.type,
        window[0],
    )
    tops = _tops(lake, inputs)
    book = lake.ask(_BOOK, *whose, *window) if lake.has("book_changes") else []
    forecast = _forecast(lake, inputs)
    kept = _manifest(settings, inputs)
    fills, scores, balances = (
        lake.rows(table, "order_id = ?", order_id) for table in ("fills", "scores", "balances")
    )
    return Trace(
        order=order,
        decision=row,
        inputs=inputs,
        fills=fills,
        scores=scores,
        balances=balances,
        signal=signals[0] if signals else None,
        top=tops[0] if tops else None,
        book=book,
        forecast=forecast[0] if forecast else None,
        manifest=kept,
        versions=lake.versions(),
        checks=[
            checks.derived(decision),
            *checks.of_signal(signals, book, tops, inputs),
            checks.top(tops, inputs),
            checks.forecast(forecast, inputs),
            checks.manifest(kept, inputs),
            checks.order(order, decision),
            checks.fills(order, fills),
            *checks.account(order, fills, balances, scores, inputs),
        ],
    )


def as_json(found: Trace) -> str:
    """The trace as JSON text."""
    return msgspec.json.format(msgspec.json.encode(found)).decode()


def page(found: Trace) -> str:
    """The trace as one page of text."""
    order, decision = found.order, found.decision
    lines = [
        f"order     {order['order_id']}  {order['broker']}  {order['status']}",
        f"          {order['side']} {order['quantity']} at {order['price']}, "
        f"executed {order['executed']}",
        *[
            f"fill      {one['quantity']} at {one['price']}, fee {one['fee']}  ({one['fill_id']})"
            for one in found.fills
        ],
        *[
            f"score     profit {one['profit']}, of all sales {one['cumulative_profit']}"
            for one in found.scores
        ],
        f"decision  {decision['decision_id']}  {decision['action']}: {decision['reasons']}",
        f"signal    {found.inputs.signal.type} {found.inputs.signal.value}, window from "
        f"{decision['window_start']}",
        *[
            f"book      {one['side']}: {one['changes']} changes worth {one['amount']:f}, "
            f"market.book/{one['partition']} offsets {one['first_offset']}..{one['last_offset']}"
            for one in found.book
        ],
        f"top       bid {decision['bid']}, ask {decision['ask']}{_where(found.inputs.book)}",
        f"forecast  {found.inputs.forecast.forecast_id} says {found.inputs.forecast.side}",
        *_of_manifest(found.manifest),
        f"versions  {', '.join(f'{name} {number}' for name, number in found.versions.items())}",
        *[
            f"{'agrees   ' if one.ok else 'DIFFERS  '} {one.name}: {one.detail}"
            for one in found.checks
        ],
    ]
    lines.append(
        "verdict   the decision follows from these rows"
        if found.matches
        else "verdict   the rows do not tell one story"
    )
    return "\n".join(lines)


def _where(book: SeenTop | None) -> str:
    place = book.place if book else None
    return f", {place.topic}/{place.partition} offset {place.offset}" if place else ""


def _of_manifest(kept: Manifest | None) -> list[str]:
    if kept is None:
        return []
    inputs = ", ".join(f"{name} {number}" for name, number in kept.versions.items())
    return [
        f"          {kept.model}, trained until {kept.trained_until:%Y-%m-%d %H:%M}, made "
        f"{kept.made_at:%Y-%m-%d %H:%M}, on {inputs or 'no table'}",
        f"          sha256 {kept.sha256}",
    ]


class _Lake:
    """Rows of the tables that exist."""

    def __init__(self, lake: str) -> None:
        self._lake, self._link = lake, connect(lake, TABLES)
        self._there = {row[0] for row in self._link.execute("SHOW TABLES").fetchall()}

    def has(self, table: str) -> bool:
        return table in self._there

    def rows(self, table: str, where: str, *values: Any) -> list[Row]:
        return self.ask(f"SELECT * FROM {table} WHERE {where}", *values) if self.has(table) else []

    def ask(self, statement: str, *values: Any) -> list[Row]:
        result = self._link.execute(statement, list(values))
        names = [column[0] for column in result.description]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def versions(self) -> dict[str, int]:
        found = {name: open_table(self._lake, name) for name in TABLES}
        return {name: table.version() for name, table in found.items() if table}


def _one(lake: _Lake, table: str, where: str, value: str) -> Row:
    rows = lake.rows(table, where, value)
    if len(rows) != 1:
        raise QueryError(f"{value} is {len(rows)} times in {table} of the lake, not once")
    return rows[0]


def _decision(row: Row) -> tuple[Decision, Inputs]:
    own = {name: row[name] for name in Decision.__struct_fields__}
    own["window_start"] = (row["window_start"] - _EPOCH) // timedelta(microseconds=1)
    decision = Decision(**own)
    try:
        return decision, read(decision.inputs)
    except WireError as error:
        raise QueryError(f"decision {decision.decision_id}: {error}") from error


def _forecast(lake: _Lake, inputs: Inputs) -> list[Row]:
    minute = checks.minute_asked(inputs)
    return lake.rows(
        "forecasts", "forecast_id = ? AND ds = ?", inputs.forecast.forecast_id, _at(minute)
    )


def _manifest(settings: Settings, inputs: Inputs) -> Manifest | None:
    """The manifest of the forecast that was used, while that is kept."""
    known = {one.forecast_id: one for one in published(settings.forecasts)}
    return known.get(inputs.forecast.forecast_id or "")


def _tops(lake: _Lake, inputs: Inputs) -> list[Row]:
    if inputs.book is None or inputs.book.place is None:
        return []
    place = inputs.book.place
    return lake.rows(
        "book_changes", '"partition" = ? AND "offset" = ? LIMIT 1', place.partition, place.offset
    )


def _at(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)
