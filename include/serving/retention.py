"""What Postgres lets go: minutes and signals that are old by the market clock; Delta keeps all.

Old is what lies more than `keep_days` before the newest row, so that a tape of an earlier year is
served like the present. Rows are deleted some thousand at a time: no writer waits for long.
"""

from datetime import timedelta

from include.serving.connection import Dsn, transaction

TIME_COLUMNS = {"trade_minutes": "minute", "signals": '"timestamp"'}
ROWS_A_DELETE = 10_000
DELETE = """
DELETE FROM {table} WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM {table}
    WHERE {column} < (SELECT max({column}) FROM {table}) - %s LIMIT %s))"""


def prune(dsn: Dsn, *, keep_days: int, rows_a_delete: int = ROWS_A_DELETE) -> dict[str, int]:
    """Delete the old rows; gives their number by table. Repeating it changes nothing.

    Raises:
        Unreachable: the server does not answer.
    """
    return {
        table: _prune_table(dsn, table, keep_days=keep_days, rows_a_delete=rows_a_delete)
        for table in TIME_COLUMNS
    }


def _prune_table(dsn: Dsn, table: str, *, keep_days: int, rows_a_delete: int) -> int:
    statement = DELETE.format(table=table, column=TIME_COLUMNS[table])
    deleted = 0
    while True:
        with transaction(dsn) as connection, connection.cursor() as cursor:
            cursor.execute(statement, (timedelta(days=keep_days), rows_a_delete))
            deleted += cursor.rowcount
            if cursor.rowcount < rows_a_delete:
                return deleted
