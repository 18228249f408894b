"""What Postgres lets go: minutes, signals, decisions and auctions, old by the market clock.

Old is what lies more than `keep_days` before the newest row, so that a tape of an earlier year is
served like the present; a row of the future makes no other one old. A decision goes with its
orders, their fills and scores; Delta keeps all.
Minutes go by whole days, their partitions (`day_partitions`); the rows of the other tables are
deleted some thousand at a time, by an index on their time: no writer waits for long.
"""

from datetime import timedelta

from include.lake.believed_times import newest_sql
from include.serving.connection import Dsn, transaction
from include.serving.day_partitions import BY_DAY, drop_days
from include.serving.tables import TIME_COLUMNS

ROWS_A_DELETE = 10_000
BY_TIME = """
DELETE FROM {table} WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM {table}
    WHERE {column} < {newest} - %s LIMIT %s))"""
DECISIONS = f"""
WITH old AS (
    SELECT decision_id FROM decisions
    WHERE window_start < {newest_sql("window_start", "decisions")} - %s LIMIT %s),
old_orders AS (
    DELETE FROM orders USING old WHERE orders.decision_id = old.decision_id RETURNING order_id),
old_fills AS (DELETE FROM fills USING old_orders WHERE fills.order_id = old_orders.order_id),
old_scores AS (DELETE FROM scores USING old_orders WHERE scores.order_id = old_orders.order_id)
DELETE FROM decisions USING old WHERE decisions.decision_id = old.decision_id"""
STATEMENTS = {
    table: BY_TIME.format(
        table=table, column=f'"{column}"', newest=newest_sql(f'"{column}"', table)
    )
    for table, column in TIME_COLUMNS.items()
    if table not in BY_DAY
} | {"decisions": DECISIONS}


def prune(dsn: Dsn, *, keep_days: int, rows_a_delete: int = ROWS_A_DELETE) -> dict[str, int]:
    """Delete the old rows; gives their number by table. Repeating it changes nothing.

    Raises:
        Unreachable: the server does not answer.
    """
    dropped = {table: drop_days(dsn, table, keep_days=keep_days) for table in BY_DAY}
    return dropped | {
        table: _prune_table(dsn, statement, keep_days=keep_days, rows_a_delete=rows_a_delete)
        for table, statement in STATEMENTS.items()
    }


def _prune_table(dsn: Dsn, statement: str, *, keep_days: int, rows_a_delete: int) -> int:
    deleted = 0
    while True:
        with transaction(dsn) as connection, connection.cursor() as cursor:
            cursor.execute(statement, (timedelta(days=keep_days), rows_a_delete))
            deleted += cursor.rowcount
            if cursor.rowcount < rows_a_delete:
                return deleted
