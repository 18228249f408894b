"""What a browser may ask about Kafka's records, and the bounded answers. Nothing is remembered."""

import base64
import binascii
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from include.bus import Record
from include.bus.record_browsing import (
    FIELDS,
    SEARCHED,
    TEXT,
    Beginning,
    RecordFilter,
    browse_records,
    describe_briefly,
    describe_record,
    parse_filter,
    read_object,
)
from include.bus.record_counts import count_records
from include.errors import QueryError
from include.lake.tables import TABLE_OF_TOPIC
from include.market.numerals import parse_whole
from include.market.wire import TOPICS, Topic
from include.settings import Settings

MAX_RECORDS = 100
MAX_TEXT = 200
SEARCH_S = 8.0
STEPS = 48
RANGES_S = {"15m": 900, "1h": 3600, "6h": 21_600, "24h": 86_400, "7d": 604_800}
SHOWN_BYTES = 200_000
Answer = dict[str, Any]


@dataclass(frozen=True)
class RecordLookup:
    """The newest records of a topic that pass a filter; or the one at an offset."""

    topic: str
    record_filter: RecordFilter
    partition: int | None = None
    offset: int | None = None


def parse_lookup(query: Mapping[str, str]) -> RecordLookup:
    """The request of an address: `topic`, `venue`, `symbol`, `kind`, `type`, `text`, and a place.

    Raises:
        QueryError: names what is wrong.
    """
    topic = query.get("topic", "")
    if topic not in TOPICS:
        raise QueryError(f"topic={topic[:60]} is none of {', '.join(TOPICS)}")
    conditions = {name: query[name] for name in (*FIELDS, TEXT) if query.get(name)}
    for name, value in conditions.items():
        if len(value) > MAX_TEXT:
            raise QueryError(f"{name} has {len(value)} characters, and {MAX_TEXT} at most are read")
    record_filter = parse_filter(f"{name}={value}" for name, value in conditions.items())
    return RecordLookup(
        topic, record_filter, _parse_number(query, "partition"), _parse_number(query, "offset")
    )


def _parse_number(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name, "")
    if not text:
        return None
    number = parse_whole(text)
    if number is None:
        raise QueryError(f"{name}={text[:60]} is no number")
    return number


def find_records(settings: Settings, lookup: RecordLookup) -> Answer:
    """The newest records that pass the filter, newest first, and how far was looked.

    Raises:
        QueryError: there is no such partition.
        Unreachable: the broker does not answer.
    """
    deadline_s = time.monotonic() + SEARCH_S
    newest: deque[Answer] = deque(maxlen=MAX_RECORDS)
    is_filtered = bool(lookup.record_filter.values or lookup.record_filter.texts)
    last = SEARCHED if is_filtered else MAX_RECORDS
    for record in browse_records(
        settings.bootstrap,
        lookup.topic,
        Beginning(last, partition=lookup.partition),
        record_filter=lookup.record_filter,
        is_stopped=lambda: time.monotonic() > deadline_s,
    ):
        newest.append(list_record(record))
    ordered = sorted(newest, key=lambda row: (row["time_ms"], row["offset"]), reverse=True)
    is_late = time.monotonic() > deadline_s
    return {"records": ordered, "searched": last, "in_time": not is_late}


def list_record(record: Record) -> Answer:
    """A line of the list: where it lies, when, what it is of, and its beginning."""
    message = read_object(record)
    return {
        "partition": record.partition,
        "offset": record.offset,
        "time_ms": record.kafka_time_ms,
        "venue": _short_text(message.get("venue")),
        "symbol": _short_text(message.get("symbol")),
        "kind": _short_text(message.get("kind") or message.get("type")),
        "text": describe_briefly(record).partition("  ")[2][:400],
    }


def find_record(settings: Settings, lookup: RecordLookup) -> Answer:
    """The record at an offset, whole, with its place, its frame, and where it lands.

    Raises:
        QueryError: partition or offset is missing, or Kafka does not keep it.
        Unreachable: the broker does not answer.
    """
    if lookup.partition is None or lookup.offset is None:
        raise QueryError("a record is named by topic, partition and offset")
    deadline_s = time.monotonic() + SEARCH_S
    records = browse_records(
        settings.bootstrap,
        lookup.topic,
        Beginning(offset=lookup.offset, partition=lookup.partition),
        record_filter=RecordFilter(),
        is_stopped=lambda: time.monotonic() > deadline_s,
    )
    try:
        record = next(records, None)
    finally:
        records.close()  # type: ignore[attr-defined]
    if record is None or record.offset != lookup.offset:
        raise QueryError(
            f"{lookup.topic}/{lookup.partition} has no record at offset {lookup.offset}"
        )
    return explain_record(record)


def explain_record(record: Record) -> Answer:
    """All of a record, cut off where it is large, and what is known of the frame it came from."""
    answer, message = describe_record(record), read_object(record)
    size = len(record.value)
    if size > SHOWN_BYTES:
        answer["message"] = record.value[:SHOWN_BYTES].decode(errors="replace")
    frame = {name: message.get(name) for name in ("venue", "conn", "seq", "venue_time")}
    frame["received_time"] = message.get("received_time")
    table = TABLE_OF_TOPIC.get(record.topic)
    return answer | {
        "bytes": size,
        "is_cut": size > SHOWN_BYTES,
        "frame": {name: field for name, field in frame.items() if field is not None},
        "raw_frame": _read_raw_frame(message) if record.topic == Topic.REJECTS else None,
        "table": table.name if table else None,
        "order_ids": _list_order_ids(message),
    }


def _read_raw_frame(content: Mapping[str, Any]) -> str | None:
    """A rejected frame as the venue sent it: it is carried whole."""
    for event in content.get("events") or []:
        try:
            frame = base64.b64decode(event["payload"])
        except (KeyError, TypeError, ValueError, binascii.Error):
            continue
        return frame[:SHOWN_BYTES].decode(errors="replace")
    return None


def _list_order_ids(content: Mapping[str, Any]) -> list[str]:
    """The orders that the record is about, which `./tickhouse trace` explains."""
    events = content.get("events")
    named = (event.get("order_id") for event in events or [] if isinstance(event, dict))
    return [order_id for order_id in named if isinstance(order_id, str)][:MAX_RECORDS]


def count_flows(settings: Settings, query: Mapping[str, str], *, now_s: float) -> Answer:
    """Records per topic in 48 steps up to now (wall clock): edges in ms, counts by topic.

    Raises:
        QueryError: the range is none of those that can be chosen.
        Unreachable: the broker does not answer.
    """
    name = query.get("range", "1h")
    if name not in RANGES_S:
        raise QueryError(f"range={name[:60]} is none of {', '.join(RANGES_S)}")
    step_ms = RANGES_S[name] * 1000 // STEPS
    end_ms = int(now_s * 1000)
    edges_ms = [end_ms - step_ms * number for number in range(STEPS, -1, -1)]
    return {"edges_ms": edges_ms, "counts": count_records(settings.bootstrap, TOPICS, edges_ms)}


def _short_text(field: object) -> str:
    return str(field)[:60] if field is not None else ""
