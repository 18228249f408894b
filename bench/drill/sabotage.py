"""Sabotage: what the audit must name, done to a copy of a lake or to rows of Postgres for a while.

Each is done behind the product's back: a commit written into a table's log by hand, a data file or
a checkpoint changed in place, rows of Postgres changed by SQL and put back afterwards.
"""

import json
import random
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import reduce
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import DeltaTable

from include.atomic_files import write_file
from include.checks import Check
from include.errors import PlatformError
from include.lake.checkpoint import batch_numbers
from include.serving.connection import row_cursor
from include.serving.market_tables import MARKET_TABLES
from include.settings import Settings

ROW = ("topic", "partition", "offset", "event_index")
MESSAGE = ROW[:3]
# Neither the first window nor the last: Postgres lets old ones go, and new ones come.
WITHIN = (
    "window_start > (SELECT min(window_start) FROM {0})"
    " AND window_start < (SELECT max(window_start) FROM {0})"
)

KEYS = {"trade_minutes": ("venue", "symbol", "minute"), "decisions": ("decision_id",)}
KEYS |= {table.name: table.key for table in MARKET_TABLES}


class Sabotage:
    """What is done, and what a failed check of the audit must name (a pattern)."""

    def __init__(
        self,
        action: str,
        pattern: str,
        do: Callable[[Settings, random.Random], "Callable[[], None] | None"],
    ) -> None:
        """`do` may give what undoes it."""
        self.action, self._pattern, self._do = action, re.compile(pattern), do

    @contextmanager
    def apply(self, settings: Settings, chance: random.Random) -> Iterator[None]:
        """Sabotage the copied world of these settings, and its Postgres while the block runs."""
        undo = self._do(settings, chance)
        try:
            yield
        finally:
            if undo is not None:
                undo()

    def find(self, checks: Sequence[Check]) -> str:
        """The first failed check that names it; empty if none does."""
        for check in checks:
            if not check.ok and self._pattern.search(f"{check.name}: {check.detail}"):
                return f"{check.name}: {check.detail}"
        return ""


def remove_row(table: str, key_columns: tuple[str, ...] = ROW) -> Callable[..., None]:
    """Remove a row of a table, or all with the same `key_columns`, by a commit of its own."""

    def do(settings: Settings, chance: random.Random) -> None:
        def remove(table_rows: pa.Table, row_key: dict[str, Any]) -> pa.Table:
            return table_rows.filter(pc.invert(_match(table_rows, row_key)))

        _rewrite(settings, table, chance, rewrite=remove, key_columns=key_columns)

    return do


def double_row(table: str) -> Callable[..., None]:
    """Write a row a second time."""

    def do(settings: Settings, chance: random.Random) -> None:
        def double(table_rows: pa.Table, row_key: dict[str, Any]) -> pa.Table:
            return pa.concat_tables([table_rows, table_rows.filter(_match(table_rows, row_key))])

        _rewrite(settings, table, chance, rewrite=double, key_columns=ROW)

    return do


def lose_file(table: str) -> Callable[..., None]:
    """Delete a data file from the disk."""

    def do(settings: Settings, chance: random.Random) -> None:
        _choose_file(settings, table, chance).unlink()

    return do


def skip_offsets(settings: Settings, chance: random.Random) -> None:
    """Let the checkpoint of `land` count offsets that never landed."""
    folder = Path(str(settings.checkpoints)) / "land" / "stream" / "offsets"
    newest = folder / str(max(batch_numbers(folder.with_name("commits"))))
    lines = newest.read_text().splitlines()
    topics = json.loads(lines[-1])
    topics["market.trades"]["0"] += chance.randrange(1, 50)
    write_file(newest, "\n".join([*lines[:-1], json.dumps(topics)]))


def alter_postgres_row(table: str, assignment: str, condition: str = "true") -> Callable[..., Any]:
    """Change or delete (`assignment` is empty) a row of Postgres; it is put back afterwards."""

    def do(settings: Settings, _: random.Random) -> Callable[[], None]:
        copied = f"drilled_{table}"
        row = f"(SELECT ctid FROM {table} WHERE {condition} LIMIT 1)"
        with row_cursor(settings.dsn()) as cursor:
            cursor.execute(f"CREATE TABLE {copied} AS SELECT * FROM {table} WHERE ctid = {row}")
            if cursor.rowcount != 1:
                raise PlatformError(f"Postgres' {table} has no row to sabotage yet")
            statement = f"UPDATE {table} SET {assignment}" if assignment else f"DELETE FROM {table}"
            cursor.execute(f"{statement} WHERE ctid = {row}")

        def undo() -> None:
            with row_cursor(settings.dsn()) as cursor:
                if assignment:
                    keys = _key_condition(table, copied)
                    cursor.execute(f"DELETE FROM {table} USING {copied} WHERE {keys}")
                cursor.execute(f"INSERT INTO {table} SELECT * FROM {copied}")
                cursor.execute(f"DROP TABLE {copied}")

        return undo

    return do


def _key_condition(table: str, copied: str) -> str:
    return " AND ".join(f"{table}.{name} = {copied}.{name}" for name in KEYS[table])


def _match(table_rows: pa.Table, row_key: dict[str, Any]) -> pa.Array:
    """Of each row whether its columns have these values."""
    return reduce(pc.and_, [pc.equal(table_rows[name], value) for name, value in row_key.items()])


def _choose_file(settings: Settings, table: str, chance: random.Random) -> Path:
    uris = sorted(DeltaTable(f"{settings.lake}/{table}").file_uris())
    if not uris:
        raise PlatformError(f"table {table} has no data file to sabotage yet")
    return Path(chance.choice(uris).removeprefix("file://"))


def _rewrite(
    settings: Settings,
    table: str,
    chance: random.Random,
    *,
    rewrite: Callable[[pa.Table, dict[str, Any]], pa.Table],
    key_columns: tuple[str, ...],
) -> None:
    """Replace a data file by one with changed rows, in a commit of the table."""
    path = _choose_file(settings, table, chance)
    rows = pq.ParquetFile(path).read()
    chosen = rows.slice(chance.randrange(len(rows)), 1).to_pylist()[0]
    new_rows = rewrite(rows, {name: chosen[name] for name in key_columns})
    target = path.with_name(f"part-sabotage-{chance.randrange(10**9)}.parquet")
    pq.write_table(new_rows, target)
    now_ms = int(time.time() * 1000)
    version = DeltaTable(f"{settings.lake}/{table}").version() + 1
    removal = {"path": path.name, "deletionTimestamp": now_ms, "dataChange": True}
    addition = {
        "path": target.name,
        "partitionValues": {},
        "size": target.stat().st_size,
        "modificationTime": now_ms,
        "dataChange": True,
    }
    actions = [
        {"commitInfo": {"timestamp": now_ms, "operation": "DELETE", "operationParameters": {}}},
        {"remove": removal},
        {"add": addition},
    ]
    log = Path(settings.lake) / table / "_delta_log" / f"{version:020}.json"
    write_file(log, "".join(f"{json.dumps(action)}\n" for action in actions))


TRADE_REMOVED = Sabotage("a row of trades deleted", r"market\.trades|trades", remove_row("trades"))
OFFSET_SKIPPED = Sabotage(
    "all rows of a book message deleted", r"market\.book", remove_row("book_changes", MESSAGE)
)
ROW_DOUBLED = Sabotage("a row of tickers written twice", r"market\.tickers", double_row("tickers"))
LEDGER_REMOVED = Sabotage(
    "an entry of the feed ledger deleted", r"market\.ledger", remove_row("feed_ledger")
)
FILE_LOST = Sabotage(
    "a data file of book_changes deleted", r"book_changes", lose_file("book_changes")
)
CHECKPOINT_AHEAD = Sabotage(
    "the checkpoint moved past offsets that never landed", r"market\.trades/0", skip_offsets
)
QUARANTINE_REMOVED = Sabotage(
    "a row of quarantine deleted", r"market\.|quarantine", remove_row("quarantine")
)
DECISION_REMOVED = Sabotage(
    "a decision deleted from Postgres",
    r"I3 decisions",
    alter_postgres_row("decisions", "", WITHIN.format("decisions")),
)
DECISION_CHANGED = Sabotage(
    "the price of a decision of Postgres changed",
    r"I3 decisions",
    alter_postgres_row("decisions", "price = coalesce(price, 0) + 1"),
)
MINUTE_CHANGED = Sabotage(
    "a minute of Postgres changed",
    r"I3 agreement",
    alter_postgres_row("trade_minutes", "total_count_buy = total_count_buy + 1"),
)
SIGNAL_REMOVED = Sabotage(
    "a signal deleted from Postgres",
    r"I3 signals",
    alter_postgres_row("signals", "", WITHIN.format("signals")),
)
CONTRACT_CHANGED = Sabotage(
    "a contract's minute of Postgres changed",
    r"I3 contract_minutes",
    alter_postgres_row("contract_minutes", "open_interest = coalesce(open_interest, 0) + 1"),
)
AUCTION_REMOVED = Sabotage(
    "an event of an auction deleted from Postgres",
    r"I3 auctions",
    alter_postgres_row("auctions", ""),
)
