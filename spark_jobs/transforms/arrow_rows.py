"""JSON messages -> rows of a landed table by Arrow, if every one of them is plainly sound.

This is the quick way beside `messages`, which says for each record what is wrong with it. Here
nothing is judged: an unknown field, a missing one, another type, a broken text or a number with
too many digits anywhere, and all these records are left to `messages`. What is taken comes out as
`messages` would give it.
"""

from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from include.lake.columns import ENVELOPE, Column, Table, event_columns
from include.lake.tables import TABLES
from include.lake.writing import arrow_schema

KNOWN_VERSION = 1
EVENT_TAG = "type"  # the events' own tag on the wire; their table says it
TOP = "top_"
Indices = np.ndarray[Any, np.dtype[np.int64]]


def plain_rows(records: pa.RecordBatch, table: Table) -> pa.Table | None:
    """The table's rows of Kafka records (topic, partition, offset, timestamp, value).

    Nothing if any record is not plainly a message of this table's topic.
    """
    read = _read(records.column("value").to_pylist(), wire_schema(table.name))
    if read is None or not _complete(read, table):
        return None
    try:
        return _rows(records, read, table)
    except pa.ArrowInvalid:
        return None


@cache
def wire_schema(name: str) -> pa.Schema:
    """A message of the topic that the table lands: every field that its JSON may have."""
    table = TABLES[name]
    own = event_columns(table)
    event = [(one.name, _wire_type(one)) for one in own if not one.name.startswith(TOP)]
    top = [(one.name.removeprefix(TOP), _wire_type(one)) for one in own if one.name.startswith(TOP)]
    scalars = [one for one in ENVELOPE if not one.name.startswith("seq_")]
    return pa.schema(
        [
            *[(one.name, _wire_type(one)) for one in scalars],
            ("seq", pa.list_(pa.int64())),
            ("events", pa.list_(pa.struct([(EVENT_TAG, pa.string()), *event]))),
            ("top", pa.struct(top) if top else pa.null()),
        ]
    )


def _wire_type(column: Column) -> pa.DataType:
    """Times travel as whole microseconds, decimals as text."""
    if column.type.startswith("decimal"):
        return pa.string()
    return pa.int64() if column.type in ("timestamp", "bigint", "int") else pa.string()


def _read(values: list[bytes | None], schema: pa.Schema) -> pa.Table | None:
    """The messages as a table of exactly this schema, a row a record; nothing if they are not."""
    if not all(value and value[0] == ord("{") and value[-1] == ord("}") for value in values):
        return None
    text = b"\n".join(values)  # type: ignore[arg-type]
    # One object a line and nothing but: a line break or two objects in a record would shift rows.
    if text.count(b"\n") != len(values) - 1 or b"\\u" in text or not _is_utf8(text):
        return None
    try:
        read = pj.read_json(
            pa.BufferReader(text),
            read_options=pj.ReadOptions(use_threads=False, block_size=len(text) + 1),
            parse_options=pj.ParseOptions(
                explicit_schema=schema, unexpected_field_behavior="infer"
            ),
        )
    except pa.ArrowInvalid:
        return None
    whole = read.num_rows == len(values) and read.schema.equals(schema)
    return read.combine_chunks() if whole else None


def _is_utf8(text: bytes) -> bool:
    try:
        return text.isascii() or bool(text.decode())
    except UnicodeDecodeError:
        return False


def _complete(read: pa.Table, table: Table) -> bool:
    """Whether version, required fields and events are all there."""
    events = _array(read, "events")
    each = events.flatten()
    seq = pc.min(pc.list_value_length(_array(read, "seq"))).as_py()
    own = [one.name for one in event_columns(table) if one.required]
    required = [_array(read, one.name) for one in ENVELOPE if one.required]
    required += [events, each, *[each.field(name) for name in own]]
    known = pc.all(pc.equal(_array(read, "v"), KNOWN_VERSION)).as_py()
    return bool(known and (seq is None or seq > 1) and not any(a.null_count for a in required))


def _rows(records: pa.RecordBatch, read: pa.Table, table: Table) -> pa.Table:
    message, place, index = _places(_array(read, "events"))
    event = _array(read, "events").flatten()

    def of_message(array: Any) -> Any:
        return array if message is None else array.take(message)

    def of_event(array: Any) -> Any:
        return array if index is None else array.take(index)

    columns: dict[str, Any] = {
        name: of_message(records.column(name)) for name in ("topic", "partition", "offset")
    }
    columns["kafka_time"] = of_message(records.column("timestamp"))
    columns["event_index"] = place
    for one in ENVELOPE:
        if not one.name.startswith("seq_"):
            columns[one.name] = of_message(_array(read, one.name))
    seq = _array(read, "seq")
    for number, name in enumerate(("seq_first", "seq_last")):
        columns[name] = of_message(pc.list_element(seq, number))
    for one in event_columns(table):
        if one.name.startswith(TOP):
            array = pc.struct_field(_array(read, "top"), one.name.removeprefix(TOP))
            columns[one.name] = of_message(array)
        else:
            columns[one.name] = of_event(event.field(one.name))
    schema = arrow_schema(table).remove_metadata()
    columns["extra"] = pa.nulls(len(place), pa.string())
    return pa.table([columns[one.name].cast(one.type) for one in schema], schema=schema)


def _places(events: pa.ListArray) -> tuple[Indices | None, Indices, Any]:
    """For each row: its message, its place in it, its event; no index where a row is a message.

    A message without events has one row, of place -1 and without an event.
    """
    lengths = np.asarray(pc.list_value_length(events), dtype=np.int64)
    if (lengths == 1).all():
        return None, _numbers(np.zeros(len(lengths), dtype=np.int64)), None
    rows = np.maximum(lengths, 1)
    message = np.repeat(np.arange(len(lengths)), rows)
    first = np.repeat(np.cumsum(rows) - rows, rows)
    place = np.arange(len(message)) - first
    hollow = np.repeat(lengths == 0, rows)
    index = np.arange(len(message)) - np.cumsum(hollow)
    return message, _numbers(np.where(hollow, -1, place)), pa.array(index, mask=hollow)


def _numbers(values: Indices) -> Any:
    return pa.array(values)


def _array(read: pa.Table, name: str) -> Any:
    return read.column(name).chunk(0)
