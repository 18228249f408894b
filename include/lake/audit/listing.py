"""The data files of a table's version, as far as two implementations of Delta agree on them."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pyarrow as pa
from deltalake import DeltaTable

from include.lake.delta_log import find_log
from include.lake.reading import register_store
from include.lake.tables import TABLES
from include.market.wire import TopicPartition

if TYPE_CHECKING:
    import duckdb

FILES_ONLY = 1  # the reader version at which a table is its files and nothing more


def list_offsets(table: DeltaTable) -> dict[str, int | None]:
    """The version's data files by their URIs, with the greatest offset in the log."""
    adds = pa.table(table.get_add_actions(flatten=True))
    has_statistics = "max.offset" in adds.column_names
    offsets = adds["max.offset"].to_pylist() if has_statistics else [None] * len(adds)
    names = [unquote(path).rpartition("/")[2] for path in adds["path"].to_pylist()]
    by_name = dict(zip(names, offsets, strict=True))
    uris = [uri if "://" in uri else unquote(uri) for uri in table.file_uris()]
    return {uri: by_name.get(unquote(uri).rpartition("/")[2]) for uri in uris}


def list_new_files(
    name: str, table: DeltaTable, counted_from: Mapping[TopicPartition, int]
) -> list[str]:
    """URIs of data files that may have rows at or above `counted_from`, by the log's statistics.

    `counted_from` has all partitions of a topic or none; of quarantine every file is read.
    """
    topic = TABLES[name].topic
    lowest_offsets = [counted_from[part] for part in counted_from if part.topic == topic]
    until = min(lowest_offsets, default=0)
    return [uri for uri, last in list_offsets(table).items() if last is None or last >= until]


def sql_source(
    connection: "duckdb.DuckDBPyConnection", uris: Sequence[str], *, reading_options: str = ""
) -> str:
    """Data files as a connection reads them in a FROM clause."""
    register_store(connection, uris)
    paths = ", ".join("'" + uri.replace("'", "''") + "'" for uri in uris)
    return f"read_parquet([{paths}], union_by_name = true{reading_options})"


def list_agreed_files(table: DeltaTable) -> Sequence[str] | None:
    """The version's files, relative to the table; null where there is no agreement.

    delta-rs replays the log. Delta on Spark leaves the number and the bytes of a version's files
    beside its commit (`.crc`); a writer that is killed between the two leaves none. A table that
    asks more of readers than to read its files (deletion vectors, mapped columns) has none either.
    """
    adds = table.get_add_actions(flatten=True)
    sizes = adds.column("size_bytes").to_pylist()
    if _read_checksum(table) != (len(sizes), sum(sizes)):
        return None
    return [unquote(path) for path in adds.column("path").to_pylist()]


def _read_checksum(table: DeltaTable) -> tuple[int, int] | None:
    """Number of files and their bytes by the version's checksum file; null if it has none."""
    name = f"{table.version():020}.crc"
    try:
        checksum = json.loads((find_log(table) / name).read_bytes())
        if checksum["protocol"]["minReaderVersion"] != FILES_ONLY:
            return None
        return int(checksum["numFiles"]), int(checksum["tableSizeBytes"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
