"""From an order back to all that made it, read from the lake, and whether it follows from that.

The decision is derived again from its recorded inputs, and those inputs are compared with what
the lake has itself: the signal's row, the top at its Kafka offset, the forecast's row, and the
ratio recomputed from the window's book changes.
"""

from typing import Any

import msgspec

from include.checks import Check
from include.errors import QueryError, WireError, shorten
from include.forecast.forecast_file import published_manifests
from include.forecast.manifest import Manifest
from include.lake.floors import describe_dropped
from include.lake.reading import connect, open_table
from include.lake.topic_restarts import read_restarts
from include.market.events import Decision
from include.market.time import from_epoch_us, to_epoch_us
from include.market.wire import TopicPartition
from include.settings import Settings
from include.trading.inputs import Inputs, read
from streaming.trader.rule_files import find_rule
from streaming.trader.trace import checks
from streaming.trader.trace.anchor_checks import check_anchor, forecast_minutes
from streaming.trader.trace.checks import TraceRow

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
_BOOK = """
SELECT side, sum(price * remaining) AS amount, count(*) AS changes, "partition",
       min("offset") AS first_offset, max("offset") AS last_offset
FROM (SELECT DISTINCT ON (venue_event_id, event_index) * FROM book_changes
      WHERE venue = ? AND symbol = ? AND venue_time >= ? AND venue_time < ?
        AND side IS NOT NULL AND reason IS DISTINCT FROM 'initial'
      ORDER BY venue_event_id, event_index, "partition", "offset")
GROUP BY side, "partition" ORDER BY side
"""

# As the journal's own query: the decisions of the last day, and the last one before.
_PRICED = """
WITH priced AS (
    SELECT window_start, inputs, bid, ask, reasons FROM decisions
    WHERE venue = ? AND symbol = ? AND rule = ? AND account = ? AND bid > 0 AND ask > 0
      AND window_start <= ?)
SELECT * FROM priced WHERE window_start >= coalesce((
    SELECT date_trunc('minute', max(window_start)) FROM priced
    WHERE window_start <= ? - INTERVAL 25 HOUR), '-infinity') ORDER BY window_start
"""


class Trace(msgspec.Struct, frozen=True):
    """All about one order. `versions` are the Delta versions that were read."""

    order: TraceRow
    decision: TraceRow
    inputs: Inputs
    fills: list[TraceRow]
    scores: list[TraceRow]
    balances: list[TraceRow]
    signal: TraceRow | None
    top: TraceRow | None
    book: list[TraceRow]
    forecast: TraceRow | None
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
        SettingsError: the file of the user's own rule cannot be used.
    """
    for of_account in settings.trader_accounts().values():
        find_rule(of_account.trader.rule)
    lake = _Lake(settings.lake)
    order = lake.only_row("orders", "order_id = ?", order_id)
    row = lake.only_row("decisions", "decision_id = ?", order["decision_id"])
    decision, inputs = _read_decision(row)
    window = (from_epoch_us(inputs.signal.window_start), from_epoch_us(inputs.signal.timestamp))
    instrument = (inputs.signal.venue, inputs.signal.symbol)
    signals = _signals(lake, inputs)
    tops = _read_tops(lake, inputs)
    book = lake.query(_BOOK, *instrument, *window) if lake.has("book_changes") else []
    dropped = describe_dropped(settings.lake, ("signals", "book_changes"), window[0])
    forecast = _read_forecast(lake, inputs)
    manifest = _find_manifest(settings, inputs)
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
        forecast=forecast[-1] if forecast else None,
        manifest=manifest,
        versions=lake.versions(),
        checks=[
            checks.check_decision(decision),
            *_check_seen(signals, book, tops, inputs, dropped=dropped),
            checks.check_forecast(forecast, inputs),
            *check_anchor(forecast, _read_priced_decisions(lake, row, inputs), inputs),
            checks.check_manifest(manifest, inputs),
            checks.check_order(order, decision),
            checks.check_fills(order, fills),
            *checks.check_account(order, fills, balances, scores, inputs),
        ],
    )


class _Lake:
    """Rows of the tables that exist."""

    def __init__(self, lake: str) -> None:
        self._lake, self._connection = lake, connect(lake, TABLES)
        self._tables = {row[0] for row in self._connection.execute("SHOW TABLES").fetchall()}

    def has(self, table: str) -> bool:
        return table in self._tables

    def rows(self, table: str, condition: str, *parameters: Any) -> list[TraceRow]:
        if not self.has(table):
            return []
        return self.query(f"SELECT * FROM {table} WHERE {condition}", *parameters)

    def only_row(self, table: str, condition: str, key: str) -> TraceRow:
        rows = self.rows(table, condition, key)
        if len(rows) != 1:
            raise QueryError(
                f"{shorten(key)!r} is {len(rows)} times in {table} of the lake, not once"
            )
        return rows[0]

    def query(self, statement: str, *parameters: Any) -> list[TraceRow]:
        cursor = self._connection.execute(statement, list(parameters))
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def shifts(self, part: TopicPartition) -> list[int]:
        """What the lake adds to Kafka's offsets, in each of the topic's lives."""
        restarts = read_restarts(self._lake).by_partition.get(part, ())
        return [0, *(restart.shift for restart in restarts)]

    def versions(self) -> dict[str, int]:
        tables = {name: open_table(self._lake, name) for name in TABLES}
        return {name: table.version() for name, table in tables.items() if table}


def _read_decision(decision_row: TraceRow) -> tuple[Decision, Inputs]:
    fields = checks.fields_of(Decision, decision_row)
    fields["window_start"] = to_epoch_us(decision_row["window_start"])
    decision = Decision(**fields)
    try:
        return decision, read(decision.inputs)
    except WireError as error:
        raise QueryError(f"decision {decision.decision_id}: {error}") from error


def _check_seen(
    signal_rows: list[TraceRow],
    book_rows: list[TraceRow],
    tops: list[TraceRow],
    inputs: Inputs,
    *,
    dropped: str,
) -> list[Check]:
    """The checks of signal and top; where retention has dropped the book, that alone."""
    if dropped:
        return [Check("book", True, dropped)]
    signal_checks = checks.check_signal(signal_rows, book_rows, tops, inputs)
    return [*signal_checks, checks.check_top(tops, inputs)]


def _signals(lake: _Lake, inputs: Inputs) -> list[TraceRow]:
    signal = inputs.signal
    condition = "venue = ? AND symbol = ? AND window_start = ? ORDER BY type = ? DESC"
    start = from_epoch_us(signal.window_start)
    return lake.rows("signals", condition, signal.venue, signal.symbol, start, signal.type)


def _read_forecast(lake: _Lake, inputs: Inputs) -> list[TraceRow]:
    times = [from_epoch_us(minute) for minute in forecast_minutes(inputs)]
    condition = f"forecast_id = ? AND ds IN ({', '.join('?' * len(times))}) ORDER BY ds"
    return lake.rows("forecasts", condition, inputs.forecast.forecast_id, *times)


def _read_priced_decisions(lake: _Lake, decision_row: TraceRow, inputs: Inputs) -> list[TraceRow]:
    """The decisions whose prices the volatility at the anchor is made of."""
    if inputs.forecast.anchor is None:
        return []
    names = ("venue", "symbol", "rule", "account", "window_start", "window_start")
    return lake.query(_PRICED, *(decision_row[name] for name in names))


def _find_manifest(settings: Settings, inputs: Inputs) -> Manifest | None:
    """The manifest of the forecast that was used, while that is kept."""
    folder = settings.forecasts_of(inputs.signal.symbol)
    manifests = {manifest.forecast_id: manifest for manifest in published_manifests(folder)}
    return manifests.get(inputs.forecast.forecast_id or "")


def _read_tops(lake: _Lake, inputs: Inputs) -> list[TraceRow]:
    """The row of the book message that was seen; of a topic recreated, the one of its time."""
    record = inputs.top.record_id if inputs.top else None
    if inputs.top is None or record is None:
        return []
    part = TopicPartition(record.topic, record.partition)
    offsets = [record.offset + shift for shift in lake.shifts(part)]
    condition = (
        f'"partition" = ? AND "offset" IN ({", ".join("?" * len(offsets))}) '
        "ORDER BY abs(epoch_us(coalesce(venue_time, received_time)) - ?) LIMIT 1"
    )
    return lake.rows("book_changes", condition, record.partition, *offsets, inputs.top.venue_time)
