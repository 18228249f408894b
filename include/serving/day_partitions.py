"""Tables of Postgres whose days (UTC) are partitions: a day goes whole, and leaves no dead rows.

Who writes the rows owns no table. So the owner's functions make the days that rows need, of a tape
of an earlier year too, and drop the old ones. Partitions and functions are in a schema of their
own: the tables that a person or a tool lists stay one each.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg2.sql import SQL, Composed, Identifier, Literal

from include.lake.believed_times import newest_sql
from include.serving.connection import Dsn, transaction

SCHEMA = "partitions"
BY_DAY = {"trade_minutes": "minute"}
# Attaching a table that is filled later waits for no reader; CREATE TABLE … PARTITION OF would.
ADD_DAYS = """
CREATE OR REPLACE FUNCTION {schema}.{add}(days date[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    day date;
    partition_name text;
BEGIN
    FOREACH day IN ARRAY days LOOP
        partition_name := {prefix} || to_char(day, 'YYYY-MM-DD');
        CONTINUE WHEN to_regclass(format('%I.%I', {schema_name}, partition_name)) IS NOT NULL;
        EXECUTE format('CREATE TABLE %I.%I (LIKE public.%I INCLUDING ALL)',
            {schema_name}, partition_name, {name});
        EXECUTE format('ALTER TABLE public.%I ATTACH PARTITION %I.%I FOR VALUES FROM (%L) TO (%L)',
            {name}, {schema_name}, partition_name,
            day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC');
    END LOOP;
END $$"""
# One day a call: a drop waits for the table's readers, and new ones wait behind it.
DROP_DAY = """
CREATE OR REPLACE FUNCTION {schema}.{drop}(kept interval) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '10s' AS $$
DECLARE
    kept_from timestamptz;
    dropped bigint;
    partition_name text;
BEGIN
    kept_from := NEWEST - kept;
    SELECT relname INTO partition_name
    FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
    WHERE inhparent = 'public.{table}'::regclass
        AND (substr(relname, length({prefix}) + 1)::date + 1)::timestamp AT TIME ZONE 'UTC'
            <= kept_from
    LIMIT 1;
    IF FOUND THEN
        EXECUTE format('SELECT count(*) FROM %I.%I', {schema_name}, partition_name) INTO dropped;
        EXECUTE format('DROP TABLE %I.%I', {schema_name}, partition_name);
    END IF;
    RETURN dropped;
END $$""".replace("NEWEST", newest_sql("{column}", "public.{table}"))
SETUP = "CREATE SCHEMA IF NOT EXISTS {schema}"
NOT_PUBLIC = "REVOKE ALL ON FUNCTION {schema}.{add}, {schema}.{drop} FROM PUBLIC"
ALLOWED = (
    "GRANT USAGE ON SCHEMA {schema} TO {role}",
    "GRANT EXECUTE ON FUNCTION {schema}.{add}, {schema}.{drop} TO {role}",
)
IS_PLAIN = """
SELECT 1 FROM pg_class
WHERE relname = %s AND relkind = 'r' AND relnamespace = current_schema()::regnamespace"""
RENAME_PLAIN = "ALTER TABLE {table} SET SCHEMA {schema}"
DAYS = "SELECT DISTINCT ({column} AT TIME ZONE 'UTC')::date FROM {schema}.{table}"
MOVE = "INSERT INTO public.{table} ({columns}) SELECT {columns} FROM {schema}.{table}"
DROP_PLAIN = "DROP TABLE {schema}.{table} CASCADE"  # with its views, which are made after this


def partition_clause(table_name: str) -> str:
    """The end of the statement that makes a table; empty if it has no partitions."""
    column = BY_DAY.get(table_name)
    return f' PARTITION BY RANGE ("{column}")' if column else ""


def create_partition_functions(cursor: Any) -> None:
    """Make the schema of partitions, and the functions that add and drop them."""
    for table_name in BY_DAY:
        for statement in (SETUP, ADD_DAYS, DROP_DAY, NOT_PUBLIC):
            cursor.execute(_fill_in(statement, table_name))


def partition_plain_table(
    cursor: Any, table_name: str, column_names: Iterable[str], *, ddl: str
) -> None:
    """Give a table that an earlier version made without partitions its days; its rows stay."""
    cursor.execute(IS_PLAIN, (table_name,))
    if cursor.fetchone() is None:
        return
    cursor.execute(_fill_in(RENAME_PLAIN, table_name))
    cursor.execute(ddl)
    cursor.execute(_fill_in(DAYS, table_name))
    _add(cursor, table_name, [day for (day,) in cursor.fetchall()])
    columns = SQL(", ").join(map(Identifier, column_names))
    cursor.execute(_fill_in(MOVE, table_name, columns=columns))
    cursor.execute(_fill_in(DROP_PLAIN, table_name))


def grant_partition_functions(cursor: Any, role: Identifier) -> None:
    """Let a role that writes rows add and drop days."""
    for table_name in BY_DAY:
        for statement in ALLOWED:
            cursor.execute(_fill_in(statement, table_name, role=role))


def add_days(cursor: Any, table_name: str, times: Iterable[datetime]) -> None:
    """Make the partitions that rows of these times need."""
    _add(cursor, table_name, sorted({at.astimezone(UTC).date() for at in times}))


def drop_days(dsn: Dsn, table_name: str, *, keep_days: int) -> int:
    """Drop the days that ended more than `keep_days` before the newest row; gives their rows.

    Raises:
        Unreachable: the server does not answer.
    """
    statement, count = _fill_in("SELECT {schema}.{drop}(%s)", table_name), 0
    while True:
        with transaction(dsn) as connection, connection.cursor() as cursor:
            cursor.execute(statement, (timedelta(days=keep_days),))
            ((dropped,),) = cursor.fetchall()
        if dropped is None:
            return count
        count += dropped


def _add(cursor: Any, table_name: str, days: list[Any]) -> None:
    cursor.execute(_fill_in("SELECT {schema}.{add}(%s::date[])", table_name), (days,))


def _fill_in(statement: str, table_name: str, **more: Any) -> Composed:
    """A statement with the names of a table's partitions."""
    return SQL(statement).format(
        schema=Identifier(SCHEMA),
        schema_name=Literal(SCHEMA),
        table=Identifier(table_name),
        name=Literal(table_name),
        prefix=Literal(f"{table_name}_"),
        column=Identifier(BY_DAY[table_name]),
        add=Identifier(f"add_days_of_{table_name}"),
        drop=Identifier(f"drop_day_of_{table_name}"),
        **more,
    )
