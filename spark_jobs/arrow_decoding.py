"""JSON messages -> rows of a landed table by Arrow, if every one of them is well-formed.

This is the fast path beside `transforms/messages.py`, which finds for each record what is wrong
with it. Here an unknown field, a missing one, another type, a broken text or a number with too many
digits anywhere leaves all these records to `messages`. What is decoded here comes out as `messages`
would give it.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from include.lake.columns import ENVELOPE, Column, Table, event_columns, time_columns
from include.lake.tables import TABLES
from include.lake.writing import arrow_schema
from include.market.time import AHEAD_US, EARLIEST_US, LATEST_US
from include.market.tops import MAX_QUOTE
from include.market.wire import VERSION, Topic
from spark_jobs.schemas import EVENT_TAG, TOP

Indices = np.ndarray[Any, np.dtype[np.int64]]


def decode_rows(records: pa.RecordBatch, table: Table) -> pa.Table | None:
    """The table's rows of Kafka records (topic, partition, offset, timestamp, value).

    Null if any record is not a well-formed message of this table's topic.
    """
    messages = _read_messages(records.column("value").to_pylist(), wire_schema(table.name))
    if messages is None or not _is_complete(messages, table):
        return None
    try:
        return _make_rows(records, messages, table)
    except pa.ArrowInvalid:
        return None


@cache
def wire_schema(name: str) -> pa.Schema:
    """A message of the topic that the table lands: every field that its JSON may have."""
    columns = event_columns(TABLES[name])
    event = [(c.name, _wire_type(c)) for c in columns if not c.name.startswith(TOP)]
    top = [(c.name.removeprefix(TOP), _wire_type(c)) for c in columns if c.name.startswith(TOP)]
    scalars = [column for column in ENVELOPE if not column.name.startswith("seq_")]
    return pa.schema(
        [
            *[(column.name, _wire_type(column)) for column in scalars],
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


def _read_messages(texts: list[bytes | None], schema: pa.Schema) -> pa.Table | None:
    """The messages as a table of exactly this schema, a row a record; null if they are not."""
    if not all(text and text[0] == ord("{") and text[-1] == ord("}") for text in texts):
        return None
    lines = b"\n".join(texts)  # type: ignore[arg-type]
    # One object a line and nothing but: a line break or two objects in a record would shift rows.
    if lines.count(b"\n") != len(texts) - 1 or b"\\u" in lines or not _is_utf8(lines):
        return None
    try:
        messages = pj.read_json(
            pa.BufferReader(lines),
            read_options=pj.ReadOptions(use_threads=False, block_size=len(lines) + 1),
            parse_options=pj.ParseOptions(
                explicit_schema=schema, unexpected_field_behavior="infer"
            ),
        )
    except pa.ArrowInvalid:
        return None
    if messages.num_rows != len(texts) or not messages.schema.equals(schema):
        return None
    return messages.combine_chunks()


def _is_utf8(text: bytes) -> bool:
    try:
        return text.isascii() or bool(text.decode())
    except UnicodeDecodeError:
        return False


def _is_complete(messages: pa.Table, table: Table) -> bool:
    """Whether each message has the version known here, the required fields and its events."""
    lists = _array(messages, "events")
    events = lists.flatten()
    shortest_seq = pc.min(pc.list_value_length(_array(messages, "seq"))).as_py()
    required = [_array(messages, column.name) for column in ENVELOPE if column.required]
    required += [lists, events]
    required += [events.field(c.name) for c in event_columns(table) if c.required]
    is_known = pc.all(pc.equal(_array(messages, "v"), VERSION)).as_py()
    return bool(
        is_known
        and (shortest_seq is None or shortest_seq > 1)
        and not any(array.null_count for array in required)
    )


def _make_rows(records: pa.RecordBatch, messages: pa.Table, table: Table) -> pa.Table | None:
    message_of_row, event_index, event_of_row = _row_indices(_array(messages, "events"))
    events = _array(messages, "events").flatten()

    def from_message(array: Any) -> Any:
        return array if message_of_row is None else array.take(message_of_row)

    def from_event(array: Any) -> Any:
        return array if event_of_row is None else array.take(event_of_row)

    columns: dict[str, Any] = {
        name: from_message(records.column(name)) for name in ("topic", "partition", "offset")
    }
    columns["kafka_time"] = from_message(records.column("timestamp"))
    columns["event_index"] = event_index
    for column in ENVELOPE:
        if not column.name.startswith("seq_"):
            columns[column.name] = from_message(_array(messages, column.name))
    seq = _array(messages, "seq")
    for number, name in enumerate(("seq_first", "seq_last")):
        columns[name] = from_message(pc.list_element(seq, number))
    for column in event_columns(table):
        if column.name.startswith(TOP):
            top = pc.struct_field(_array(messages, "top"), column.name.removeprefix(TOP))
            columns[column.name] = from_message(top)
        else:
            columns[column.name] = from_event(events.field(column.name))
    if not _are_plausible(columns, table):
        return None
    schema = arrow_schema(table).remove_metadata()
    columns["extra"] = pa.nulls(len(event_index), pa.string())
    return pa.table([columns[field.name].cast(field.type) for field in schema], schema=schema)


def _are_plausible(columns: Mapping[str, Any], table: Table) -> bool:
    """Whether each time, and each trade's worth, is within the range that `messages.py` takes."""
    if table.topic == Topic.TRADES:
        price, quantity = (columns[name].cast(pa.float64()) for name in ("price", "quantity"))
        if pc.all(pc.less(pc.multiply(price, quantity), float(MAX_QUOTE))).as_py() is False:
            return False
    kafka_us = columns["kafka_time"].cast(pa.timestamp("us", "UTC")).cast(pa.int64())
    stamped = pc.and_(pc.greater_equal(kafka_us, EARLIEST_US), pc.less(kafka_us, LATEST_US))
    latest_us = pc.if_else(stamped, pc.add(kafka_us, AHEAD_US), LATEST_US)
    for name in time_columns(table):
        times_us = columns[name].cast(pa.int64())
        within = pc.and_(pc.greater_equal(times_us, EARLIEST_US), pc.less(times_us, latest_us))
        if pc.all(within).as_py() is False:
            return False
    return True


def _row_indices(lists: pa.ListArray) -> tuple[Indices | None, Any, Any]:
    """For each row: its message, its index in it, its event; null where a row is a message.

    A message without events has one row, of index -1 and without an event.
    """
    lengths = np.asarray(pc.list_value_length(lists), dtype=np.int64)
    if (lengths == 1).all():
        return None, pa.array(np.zeros(len(lengths), dtype=np.int64)), None
    count_rows = np.maximum(lengths, 1)
    message_of_row = np.repeat(np.arange(len(lengths)), count_rows)
    first_row = np.repeat(np.cumsum(count_rows) - count_rows, count_rows)
    event_index = np.arange(len(message_of_row)) - first_row
    is_empty = np.repeat(lengths == 0, count_rows)
    event_of_row = np.arange(len(message_of_row)) - np.cumsum(is_empty)
    return (
        message_of_row,
        pa.array(np.where(is_empty, -1, event_index)),
        pa.array(event_of_row, mask=is_empty),
    )


def _array(messages: pa.Table, name: str) -> Any:
    return messages.column(name).chunk(0)
