"""The primary keys of Postgres' tables, where a version changed which columns they are of."""

from collections.abc import Iterable
from typing import Any

from psycopg2.sql import SQL, Identifier

from include.lake.columns import Table

KEYS = """
SELECT conrelid::regclass::text, conname, array_agg(attname::text ORDER BY place)
FROM pg_constraint, unnest(conkey) WITH ORDINALITY AS listed (number, place), pg_attribute
WHERE contype = 'p' AND connamespace = current_schema()::regnamespace
    AND attrelid = conrelid AND attnum = number
GROUP BY conrelid, conname"""
REPLACE = "ALTER TABLE {table} DROP CONSTRAINT {constraint}, ADD PRIMARY KEY ({columns})"


def replace_keys(cursor: Any, tables: Iterable[Table]) -> None:
    """Give tables of an earlier version the keys of this one; a longer key can be of any rows."""
    cursor.execute(KEYS)
    existing = {name.strip('"'): (constraint, columns) for name, constraint, columns in cursor}
    for table in tables:
        constraint, columns = existing.get(table.name, ("", list(table.key)))
        if set(columns) != set(table.key):
            cursor.execute(
                SQL(REPLACE).format(
                    table=Identifier(table.name),
                    constraint=Identifier(constraint),
                    columns=SQL(", ").join(map(Identifier, table.key)),
                )
            )
