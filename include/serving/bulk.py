"""Many rows of Postgres at once, as Arrow."""

from tempfile import TemporaryFile

import psycopg2
import pyarrow as pa
from psycopg2 import sql
from pyarrow import csv

from include.errors import Unreachable
from include.serving.connection import Dsn, transaction

COPY = "COPY (SELECT {columns} FROM {table}) TO STDOUT WITH (FORMAT csv, HEADER true)"


def fetch_arrow(dsn: Dsn, table: str, schema: pa.Schema) -> pa.Table:
    """All rows of a table, with the columns of `schema` in its types.

    They come through a file: as Python objects, the days that Postgres keeps take minutes and
    gigabytes.

    Raises:
        Unreachable: the server does not answer, or the table is not made yet.
    """
    columns = sql.SQL(", ").join(map(sql.Identifier, schema.names))
    statement = sql.SQL(COPY).format(columns=columns, table=sql.Identifier(table))
    options = csv.ConvertOptions(
        column_types=schema, timestamp_parsers=[csv.ISO8601], strings_can_be_null=False
    )
    with TemporaryFile() as file:
        try:
            with transaction(dsn) as connection, connection.cursor() as cursor:
                cursor.execute("SET LOCAL TIME ZONE 'UTC'")
                cursor.copy_expert(statement.as_string(cursor), file)
        except psycopg2.errors.UndefinedTable as error:
            raise Unreachable(f"Postgres lacks a table: {error}") from error
        file.seek(0)
        return csv.read_csv(file, convert_options=options)
