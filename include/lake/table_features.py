"""Features of Delta tables that another writer has switched on and that are not read or kept here.

delta-rs opens such tables, but names their files alone: rows that a deletion vector takes away
would count, renamed columns would be null, and a constraint would be passed by.
"""

import json
from collections.abc import Iterator

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

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


def unkept_rules(table: DeltaTable) -> list[str]:
    """What a table asks of every writer and an append does not look at, in words."""
    configuration = table.metadata().configuration or {}
    constraints = [
        f"the CHECK constraint {name.removeprefix(_CONSTRAINT)} ({rule})"
        for name, rule in configuration.items()
        if name.startswith(_CONSTRAINT)
    ]
    return constraints + list(_column_rules(table))


def _column_rules(table: DeltaTable) -> Iterator[str]:
    for field in json.loads(table.schema().to_json())["fields"]:
        for key, rule in _COLUMN_RULES.items():
            if key in field["metadata"]:
                yield f"{rule} ({field['name']})"
