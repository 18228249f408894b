"""The data files of a table's version, as far as two implementations of Delta agree on them."""

import json
from collections.abc import Sequence
from urllib.parse import unquote

from deltalake import DeltaTable
from deltalake.fs import DeltaStorageHandler

FILES_ONLY = 1  # the reader version at which a table is its files and nothing more


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
    storage = DeltaStorageHandler(table.table_uri)
    name = f"_delta_log/{table.version():020}.crc"
    try:
        checksum = json.loads(storage.open_input_file(name).read())
        if checksum["protocol"]["minReaderVersion"] != FILES_ONLY:
            return None
        return int(checksum["numFiles"]), int(checksum["tableSizeBytes"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
