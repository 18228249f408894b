"""What Postgres serves, made again from the lake: where it was lost, emptied or changed.

Minutes are not copied: without its offsets their process counts all landed trades again.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from psycopg2.sql import SQL, Identifier

from include.lake.audit.agreement import check_agreement
from include.lake.audit.landed_minutes import COMPARED
from include.lake.believed_times import newest_sql
from include.lake.columns import Table
from include.lake.reading import open_table, query
from include.lake.tables import SIGNALS
from include.serving.added_files import forget_version
from include.serving.connection import Dsn, fetch_rows, transaction
from include.serving.feed_health import LandedStates
from include.serving.market_rows import serve_market_tables
from include.serving.market_tables import MARKET_TABLES
from include.serving.tables import FEED_HEALTH, READER_OFFSETS, SERVED, upsert_with
from include.serving.trade_minutes import READER, served_minutes

TRADING = tuple(SERVED[name] for name in ("decisions", "orders", "fills", "balances", "scores"))
NEWEST = """
SELECT DISTINCT ON ({key}) {columns} FROM {table} WHERE event_index >= 0
ORDER BY {key}, received_time DESC, "offset" DESC, event_index DESC
"""
RECENT_SIGNALS = f"""
SELECT {{columns}} FROM signals
WHERE "timestamp" >= {newest_sql('"timestamp"', "signals")} - to_days($keep_days)
"""


def fill_empty(dsn: Dsn, lake: str, *, keep_days: int) -> dict[str, int]:
    """Fill the tables that are empty while the lake has their rows; gives rows by table.

    Contracts and auctions are filled by the stream, which begins with the lake's first version.

    Raises:
        Unreachable: the server does not answer.
        UnreadableTable: a table of the lake is damaged.
    """
    tables = [table for table in (SIGNALS, FEED_HEALTH, *TRADING) if _is_empty(dsn, table)]
    filled = {
        table.name: _write(dsn, table, _lake_rows(lake, table, keep_days)) for table in tables
    }
    _empty([table for table in MARKET_TABLES if _is_empty(dsn, table)], dsn)
    return {name: count for name, count in filled.items() if count}


def rebuild(dsn: Dsn, lake: str, *, keep_days: int) -> dict[str, int]:
    """Make signals, feed states, contracts, auctions and the trader's rows equal the lake's.

    Gives rows by table. What the trader has yet to deliver stays as it is. Minutes that differ from
    the landed trades are counted again from the first trade on, by their own process.

    Raises:
        Unreachable, UnreadableTable: as `fill_empty`.
    """
    unlanded = [bytes(row["value"]) for row in fetch_rows(dsn, "SELECT value FROM outbox")]
    written = {}
    for table in TRADING:
        key = table.key[0]
        rows = [
            row
            for row in _lake_rows(lake, table, keep_days)
            if not any(f'"{row[key]}"'.encode() in value for value in unlanded)
        ]
        written[table.name] = _write(dsn, table, rows)
    for table in (SIGNALS, FEED_HEALTH):
        written[table.name] = _write(dsn, table, _lake_rows(lake, table, keep_days), replace=True)
    _empty(MARKET_TABLES, dsn)
    written |= serve_market_tables(dsn, lake, keep_days=keep_days)
    offsets, minutes = served_minutes(dsn, COMPARED)
    agreement = check_agreement(lake, offsets=offsets, served=minutes, keep_days=keep_days)
    if not agreement.ok:
        _forget_minutes(dsn)
    return {name: count for name, count in written.items() if count}


def _is_empty(dsn: Dsn, table: Table) -> bool:
    return not fetch_rows(dsn, f'SELECT 1 AS row FROM "{table.name}" LIMIT 1')


def _lake_rows(lake: str, table: Table, keep_days: int) -> list[dict[str, Any]]:
    """A table's rows as the lake has them; none if it never had any."""
    if table is FEED_HEALTH:
        states = LandedStates(lake)
        return states.list_rows(states.venues)
    if open_table(lake, table.name) is None:
        return []
    columns = ", ".join(f'"{name}"' for name in table.names)
    bindings = {"keep_days": keep_days} if table is SIGNALS else {}
    if table is SIGNALS:
        statement = RECENT_SIGNALS.format(columns=columns)
    else:
        key = ", ".join(table.key)
        statement = NEWEST.format(key=key, columns=columns, table=table.name)
    names, rows = query(lake, statement, bindings)
    return [dict(zip(names, values, strict=True)) for values in rows]


def _write(
    dsn: Dsn, table: Table, new_rows: Sequence[Mapping[str, Any]], *, replace: bool = False
) -> int:
    with transaction(dsn) as connection, connection.cursor() as cursor:
        if replace:
            cursor.execute(SQL("DELETE FROM {}").format(Identifier(table.name)))
        upsert_with(cursor, table, new_rows)
    return len(new_rows)


def _empty(tables: Iterable[Table], dsn: Dsn) -> None:
    """Empty tables that are served by Delta's versions: the next turn begins with the first."""
    with transaction(dsn) as connection, connection.cursor() as cursor:
        for table in tables:
            cursor.execute(SQL("DELETE FROM {}").format(Identifier(table.name)))
            forget_version(cursor, table)


def _forget_minutes(dsn: Dsn) -> None:
    with transaction(dsn) as connection, connection.cursor() as cursor:
        cursor.execute("DELETE FROM trade_minutes")
        statement = SQL("DELETE FROM {} WHERE reader = %s").format(Identifier(READER_OFFSETS.name))
        cursor.execute(statement, (READER,))
