"""SQL over the Delta tables: DuckDB over delta-rs, without Spark.

delta-rs reads the log and names the files of a version; DuckDB reads those itself, from an object
store through obstore.

DuckDB is imported late: a command that asks it nothing starts faster, and one that ends while a
Kafka client's thread still waits for its broker would print DuckDB's report of leaked objects.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError
from deltalake.schema import PrimitiveType

from include.errors import QueryError, UnreadableTable, UnreadFeature, first_line
from include.lake.as_of import AsOf, load_as_of, missing_files
from include.lake.columns import Column, Table
from include.lake.delta_log import find_log_damage
from include.lake.table_features import find_unread_feature, refuse_clone, unread_feature
from include.lake.tables import TABLES
from include.lake.views import VIEWS, create_all_views, create_views, find_views
from include.store_refusals import SCHEME, describe_refusal

if TYPE_CHECKING:
    import duckdb

FileChoice = Callable[[str, DeltaTable], Sequence[str] | None]
"""The files to read of a table by its name; null: all."""

# Delta's primitive types in DuckDB's words, where they differ by more than capitals.
DUCK_TYPES = {
    "string": "VARCHAR",
    "long": "BIGINT",
    "short": "SMALLINT",
    "byte": "TINYINT",
    "binary": "BLOB",
    "timestamp": "TIMESTAMP WITH TIME ZONE",
    "timestamp_ntz": "TIMESTAMP",
}


def open_table(lake: str, name: str, *, version: int | None = None) -> DeltaTable | None:
    """A Delta table of the lake, at a version if one is given; null if it was never made.

    Raises:
        UnreadableTable: its log is damaged, there is no such version, or its files are not its
            rows by a feature that is named.
    """
    location = f"{lake}/{name}"
    if not location.startswith(SCHEME) and not (Path(location) / "_delta_log").exists():
        return None
    try:
        table = DeltaTable(location, version=version)
        feature = unread_feature(table)
    except TableNotFoundError:
        return None
    except (DeltaError, OSError) as error:
        if unsupported := find_unread_feature(error):
            raise UnreadFeature(f"table {name} cannot be read: {unsupported}") from error
        raise UnreadableTable(_describe_damage(location, name, error)) from error
    if feature is not None:
        raise UnreadFeature(
            f"table {name} cannot be read: Delta's feature {feature} is in use, which only Spark "
            "reads here"
        )
    return table


def _describe_damage(location: str, name: str, error: Exception) -> str:
    if location.startswith(SCHEME):
        return str(describe_refusal(error, location))
    damage = find_log_damage(Path(location))
    if damage is None:
        return f"table {name} cannot be read: {first_line(error)}; see `./tickhouse doctor`"
    return f"table {name} cannot be read: {damage.fault}; ./tickhouse down, then doctor --repair"


def connect(
    lake: str,
    names: Iterable[str] = tuple(TABLES),
    *,
    as_of: AsOf = None,
    all_tables: bool = False,
    choose_files: FileChoice = lambda *_: None,
) -> "duckdb.DuckDBPyConnection":
    """A DuckDB connection with a view for each table of the lake that exists; times are UTC.

    With `as_of`, each as it was then. With `all_tables`, a table that does not exist is an empty
    view.

    Raises:
        QueryError: a table cannot be read as of that moment.
    """
    import duckdb  # noqa: PLC0415

    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    for name in names:
        newest = open_table(lake, name)
        table = newest and load_as_of(newest, as_of)
        if table is not None:
            create_view(connection, name, table, files=choose_files(name, table))
        elif all_tables:
            create_empty_view(connection, TABLES[name])
    return connection


def create_view(
    connection: "duckdb.DuckDBPyConnection",
    name: str,
    table: DeltaTable,
    *,
    files: Sequence[str] | None = None,
) -> None:
    """Make this version of a Delta table a view of that name, with the table's own columns.

    Columns of its definition that it lacks, since an older version made it, are null. `files` are
    those to read; null: all.
    Columns and types come from the log, so that no file is opened before a query needs it.
    """
    if files is None:
        files = table.file_uris()
    if gone := missing_files(files):
        refuse_clone(table, gone)
        raise QueryError(
            f"{len(gone)} of {len(files)} files of version {table.version()} of "
            f"{PurePosixPath(table.table_uri).name} are missing"
            ": replaced files are kept for TICKHOUSE_STREAM_KEEP_HOURS"
        )
    register_store(connection, files)
    columns = {
        field.name: _duck(str(field.type.type))
        for field in table.schema().fields
        if isinstance(field.type, PrimitiveType)
    }
    definition = TABLES.get(PurePosixPath(table.table_uri).name)
    for column in definition.columns if definition else ():
        columns.setdefault(column.name, _duck(column.type))
    if not files:
        _create_empty_view(connection, name, columns)
        return
    paths = ", ".join(map(_quote_literal, files))
    schema = ", ".join(
        f"{literal}: {{name: {literal}, type: '{type_}', default_value: NULL}}"
        for literal, type_ in zip(map(_quote_literal, columns), columns.values(), strict=True)
    )
    star = "*" + _replace_nulls(definition.columns if definition else ())
    connection.execute(
        f"CREATE VIEW {name} AS SELECT {star} FROM read_parquet([{paths}], "
        f"schema = MAP {{{schema}}})"
    )


def _replace_nulls(defined: Iterable[Column]) -> str:
    """What gives columns with a default that one where a row was written before they were."""
    replaced = [
        f'coalesce("{column.name}", {_quote_literal(column.default)}) AS "{column.name}"'
        for column in defined
        if column.default is not None
    ]
    return f" REPLACE ({', '.join(replaced)})" if replaced else ""


def register_store(connection: "duckdb.DuckDBPyConnection", files: Sequence[str]) -> None:
    """Let a connection read these files if they are in an object store."""
    uris = [uri for uri in files if "://" in uri]
    if not uris or connection.filesystem_is_registered("s3a"):
        return
    from include.lake.data_files import DataFiles  # noqa: PLC0415 - late: most lakes are local

    connection.register_filesystem(DataFiles())


def _quote_literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _duck(delta_type: str) -> str:
    return DUCK_TYPES.get(delta_type, delta_type.upper())


def query(
    lake: str,
    statement: str,
    bindings: Mapping[str, Any] | None = None,
    *,
    as_of: AsOf = None,
    all_tables: bool = False,
    choose_files: FileChoice = lambda *_: None,
) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Column names and rows of one SQL statement over the lake; `bindings` are its `$names`.

    Beside the tables there are `trades_once`, trades without repeats by the venue's own id,
    `minute_totals`, `contract_minutes`, and the ledger's halves `market_ledger` and
    `quotes_ledger`.

    Raises:
        QueryError: the statement cannot be answered; with the cause and the tables there are.
    """
    options: Any = {"as_of": as_of, "all_tables": all_tables, "choose_files": choose_files}
    with run_query(lake, statement, bindings, **options) as result:
        return (result.columns, result.fetchall()) if result is not None else ([], [])


@contextmanager
def run_query(
    lake: str,
    statement: str,
    bindings: Mapping[str, Any] | None = None,
    *,
    as_of: AsOf = None,
    all_tables: bool = False,
    choose_files: FileChoice = lambda *_: None,
) -> Iterator["duckdb.DuckDBPyRelation | None"]:
    """The rows of a statement, not fetched yet; null if it gives none.

    Raises:
        QueryError: as above.
    """
    import duckdb  # noqa: PLC0415

    table_names = find_tables(statement)
    connection = connect(
        lake,
        table_names or TABLES,
        as_of=as_of,
        all_tables=all_tables,
        choose_files=choose_files,
    )
    try:
        if table_names:
            create_views(connection, statement)
        else:
            create_all_views(connection)
        yield connection.sql(statement, params=dict(bindings or {}))
    except duckdb.Error as error:
        existing = ", ".join(name for name in TABLES if open_table(lake, name)) or "none yet"
        raise QueryError(f"{error} (tables: {existing})") from error
    finally:
        connection.close()


def find_tables(statement: str) -> list[str]:
    """The tables of the lake whose names are in the statement."""
    words = set(re.findall(r"\w+", statement.lower()))
    words |= {VIEWS[name][0] for name in find_views(statement)}
    return [name for name in TABLES if name in words]


def create_empty_view(connection: "duckdb.DuckDBPyConnection", table: Table) -> None:
    """Make a view of the table's name with its columns and no row."""
    columns = {column.name: _duck(column.type) for column in table.columns}
    _create_empty_view(connection, table.name, columns)


def _create_empty_view(
    connection: "duckdb.DuckDBPyConnection", name: str, types_by_name: Mapping[str, str]
) -> None:
    selected = ", ".join(f'NULL::{type_} AS "{column}"' for column, type_ in types_by_name.items())
    connection.execute(f"CREATE VIEW {name} AS SELECT {selected} WHERE false")


def count_rows(lake: str) -> dict[str, int]:
    """Rows of each table that exists and can be read, from Delta's own statistics."""
    return read_row_counts(lake)[0]


def read_row_counts(lake: str) -> tuple[dict[str, int], list[str]]:
    """Row counts, and a sentence for each table that cannot be read."""
    counts, unreadable = {}, []
    for name in TABLES:
        try:
            table = open_table(lake, name)
        except UnreadableTable as error:
            unreadable.append(str(error))
            continue
        if table is not None:
            actions = pa.table(table.get_add_actions(flatten=True))
            counts[name] = sum(count or 0 for count in actions["num_records"].to_pylist())
    return counts, unreadable
