"""The trade minutes that Postgres serves, with the offsets that they are made from."""

from collections.abc import Sequence
from typing import Any

from include.serving.connection import Dsn, transaction

READER = "trade_minutes"


def served_minutes(
    dsn: Dsn, columns: Sequence[str]
) -> tuple[dict[int, int], list[tuple[Any, ...]]]:
    """Next offset of market.trades by partition, and every minute: both of one moment.

    Raises:
        Unreachable: Postgres does not answer.
    """
    with transaction(dsn) as link, link.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute(
            'SELECT "partition", next_offset FROM positions WHERE reader = %s', (READER,)
        )
        positions = dict(cursor.fetchall())
        cursor.execute(f"SELECT {', '.join(columns)} FROM trade_minutes")
        return positions, cursor.fetchall()
