"""Many rows of Postgres at once, as Arrow."""

import os
from tempfile import TemporaryFile

import psycopg2
import pyarrow as pa
from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor
from pyarrow import csv

from include.errors import Unreachable
from include.serving.connection import Dsn, transaction

CODEC = "zstd"
COPY = "COPY (SELECT {columns} FROM {table}) TO STDOUT WITH (FORMAT csv, HEADER true)"


def fetch_arrow(dsn: Dsn, table: str, schema: pa.Schema) -> pa.Table:
    """All rows of a table, with the columns of `schema` in its types.

    Raises:
        Unreachable: the server does not answer, or the table is not made yet.
    """
    try:
        with transaction(dsn) as connection, connection.cursor() as cursor:
            return copy_arrow(cursor, table, schema)
    except psycopg2.errors.UndefinedTable as error:
        raise Unreachable(f"Postgres lacks a table: {error}") from error


def copy_arrow(cursor: Cursor, table: str, schema: pa.Schema) -> pa.Table:
    """As `fetch_arrow`, within the transaction of a cursor.

    They come through a file, compressed: as Python objects, the days that Postgres keeps take
    minutes and gigabytes, and as text each audit wrote half of what Kafka had been sent.
    """
    columns = sql.SQL(", ").join(map(sql.Identifier, schema.names))
    statement = sql.SQL(COPY).format(columns=columns, table=sql.Identifier(table))
    with TemporaryFile() as file:
        cursor.execute("SET LOCAL TIME ZONE 'UTC'")
        end = os.fdopen(os.dup(file.fileno()), "wb")  # the compression closes what it writes to
        with pa.CompressedOutputStream(end, CODEC) as compressed:
            cursor.copy_expert(statement.as_string(cursor), compressed)
        file.seek(0)
        with pa.CompressedInputStream(file, CODEC) as text:
            return csv.read_csv(text, convert_options=_convert_options(schema))


def _convert_options(schema: pa.Schema) -> csv.ConvertOptions:
    """How Postgres writes: null without quotes, truth as t and f."""
    return csv.ConvertOptions(
        column_types=schema,
        timestamp_parsers=[csv.ISO8601],
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
        true_values=["t"],
        false_values=["f"],
    )
