"""The trade minutes that Postgres serves, with the offsets that they are made from."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from psycopg2.extensions import cursor

from include.serving.connection import Dsn, transaction

READER = "trade_minutes"
POSITIONS = 'SELECT "partition", next_offset FROM positions WHERE reader = %s'
LOCK = "SELECT pg_advisory_xact_lock(hashtext(%s))"


def served_minutes(
    dsn: Dsn, columns: Sequence[str]
) -> tuple[dict[int, int], list[tuple[Any, ...]]]:
    """Next offset of market.trades by partition, and every minute: both of one moment.

    Raises:
        Unreachable: Postgres does not answer.
    """
    with transaction(dsn) as link, link.cursor() as own:
        own.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        own.execute(POSITIONS, (READER,))
        positions = dict(own.fetchall())
        own.execute(f"SELECT {', '.join(columns)} FROM trade_minutes")
        return positions, own.fetchall()


@contextmanager
def alone(dsn: Dsn) -> Iterator[tuple[cursor, dict[int, int]]]:
    """A transaction in which nobody else writes trade minutes, and the positions reached.

    Raises:
        Unreachable: Postgres does not answer.
    """
    with transaction(dsn) as link, link.cursor() as own:
        own.execute(LOCK, (READER,))
        own.execute(POSITIONS, (READER,))
        yield own, dict(own.fetchall())
