"""Features of Delta tables that another writer has switched on and that are not read or kept here.

delta-rs opens such tables, but names their files alone: rows that a deletion vector takes away
would count, renamed columns would be null, and a constraint would be passed by.
"""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import PurePosixPath

from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError, DeltaError

from include.errors import UnreadableTable

_REFUSED_COMMITS = ("Unsupported table features", "append-only")
_UNKNOWN_FEATURE = re.compile(r"Unsupported.*?[Ff]eature '?(\w+)", re.DOTALL)
_ADDRESS = re.compile("[a-z][a-z0-9+.-]*:/")
_CONSTRAINT = "delta.constraints."
_COLUMN_RULES = {
    "delta.invariants": "an invariant",
    "delta.generationExpression": "a generated column",
    "delta.identity.start": "an identity column",
}


def unread_feature(table: DeltaTable) -> str | None:
    """The feature for which the files of a table are not its rows; null if there is none."""
    mode = (table.metadata().configuration or {}).get("delta.columnMapping.mode", "none")
    if mode != "none":
        return f"columnMapping ({mode})"
    features = table.protocol().reader_features or []
    return "deletionVectors" if "deletionVectors" in features and _has_vectors(table) else None


def _has_vectors(table: DeltaTable) -> bool:
    try:
        return any(batch.num_rows for batch in table.deletion_vectors())
    except DeltaError:  # one that delta-rs cannot read
        return True


def find_unread_feature(refusal: DeltaError | OSError) -> str | None:
    """The feature that delta-rs does not read, by its refusal, in words; null if it is another."""
    match = _UNKNOWN_FEATURE.search(str(refusal))
    return match and f"Delta's feature {match[1]} is in use, which is not read here"


def refuse_clone(table: DeltaTable, missing: Sequence[str]) -> None:
    """Explain where files that are missing are those of another table.

    delta-rs puts the address that a shallow clone's log has behind that of the table.

    Raises:
        UnreadableTable: it is a shallow clone.
    """
    folder = table.table_uri.removeprefix("file://").rstrip("/")
    names = (uri.removeprefix("file://").removeprefix(f"{folder}/") for uri in missing)
    if foreign := [name for name in names if _ADDRESS.match(name)]:
        raise UnreadableTable(
            f"table {PurePosixPath(folder).name} cannot be read: it is a shallow clone, "
            f"{len(foreign)} of its files lie outside of its folder ({foreign[0]}), which only "
            "Spark reads here"
        )


def unkept_rules(table: DeltaTable) -> list[str]:
    """What a table asks of every writer and an append does not look at, in words."""
    configuration = table.metadata().configuration or {}
    constraints = [
        f"the CHECK constraint {name.removeprefix(_CONSTRAINT)} ({rule})"
        for name, rule in configuration.items()
        if name.startswith(_CONSTRAINT)
    ]
    return constraints + list(_column_rules(table))


def list_partitioning(table: DeltaTable) -> list[str]:
    """The partitioning that another writer gave a table, in words; an append has none."""
    partitions = ", ".join(table.metadata().partition_columns)
    return [f"the partitioning by {partitions}"] if partitions else []


@contextmanager
def named_refusals(name: str, target: DeltaTable | None) -> Iterator[None]:
    """A commit of delta-rs to a table within the block is refused in words, or kept to its rules.

    Raises:
        UnreadableTable: the table has a rule that delta-rs' merge passes by, or a feature that
            delta-rs does not write.
    """
    if target is not None and (rules := unkept_rules(target)):
        raise UnreadableTable(
            f"table {name} has {', '.join(rules)}: that is not checked here, so nothing is written "
            "there until it is dropped (ALTER TABLE)"
        )
    try:
        yield
    except CommitFailedError as error:
        if not any(words in str(error) for words in _REFUSED_COMMITS):
            raise
        raise UnreadableTable(
            f"table {name} cannot be written: {error}; only Spark writes such a table, until its "
            "owner drops that (ALTER TABLE)"
        ) from error


def _column_rules(table: DeltaTable) -> Iterator[str]:
    for field in json.loads(table.schema().to_json())["fields"]:
        for key, rule in _COLUMN_RULES.items():
            if key in field["metadata"]:
                yield f"{rule} ({field['name']})"
