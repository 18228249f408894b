"""A count of its own, apart from the audit: what was in Kafka, and what is there and landed now.

A message that a consumer has read was acknowledged: after a fault it must be at the same offset
with the same bytes, its events must be in the lake once each, and ids that no message has must be
in the feed ledger. All of it may begin at offsets at which an earlier count ended.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
from deltalake import DeltaTable

from bench.drill.reading import (
    FROM_FIRST,
    CountedMessage,
    CountedMessages,
    RecordId,
    find_kafka_ends,
    list_ends,
)
from include.lake.tables import LANDED, QUARANTINE, TABLE_OF_TOPIC
from include.market.wire import Offsets, Topic, TopicPartition

EXAMPLES = 5
NUMBERED = {"binance", "deribit"}  # venues whose trade ids have no holes of their own


class Miscount(NamedTuple):
    """A sentence about messages that are not as they were sent, and the number of those."""

    sentence: str
    number: int


def find_lost_messages(earlier: CountedMessages, now: CountedMessages) -> list[Miscount]:
    """Each topic that no longer has what was read of it."""
    offsets: dict[str, list[int]] = defaultdict(list)
    for (topic, partition, offset), message in earlier.items():
        present = now.get((topic, partition, offset))
        if present is None or present.digest != message.digest:
            offsets[f"{topic}/{partition}"].append(offset)
    return [
        Miscount(
            f"{part}: {len(gone)} of the messages read are gone or others, first {min(gone)}",
            len(gone),
        )
        for part, gone in sorted(offsets.items())
    ]


def find_wrong_rows(
    lake: str, kafka_messages: CountedMessages, *, bootstrap: str, start: Offsets = FROM_FIRST
) -> list[Miscount]:
    """Each table in which messages do not have their rows once each.

    Every one of the messages must have landed; what landed beyond them must be in Kafka too.
    """
    names = [table.name for table in LANDED] + [QUARANTINE.name]
    rows = {name: _read_event_indexes(lake, name, start) for name in names}
    ends, ends_later = list_ends(kafka_messages), find_kafka_ends(bootstrap)
    wrong: dict[str, list[str]] = defaultdict(list)
    for record_id, message in kafka_messages.items():
        for name, indexes in _due_rows(record_id[0], message):
            in_table = rows[name].pop(record_id, [])
            if in_table != indexes:
                wrong[name].append(f"{record_id}: events {in_table}, not {indexes}")
    for name, unexpected in rows.items():
        for topic, partition, offset in unexpected:
            part = TopicPartition(topic, partition)
            if not ends.get(part, 0) <= offset < ends_later.get(part, 0):
                wrong[name].append(f"{(topic, partition, offset)}: no such message in Kafka")
    return [
        Miscount(f"{name}: {len(lines)} wrong, {'; '.join(lines[:EXAMPLES])}", len(lines))
        for name, lines in wrong.items()
        if lines
    ]


def _due_rows(topic: str, counted: CountedMessage) -> Iterator[tuple[str, list[int]]]:
    """Each table that may have rows of a message, with the events that it must have."""
    table = TABLE_OF_TOPIC.get(topic)
    if table is None and topic != Topic.REJECTS:
        return  # not landed
    is_landed = table is not None and counted.events is not None
    yield QUARANTINE.name, [] if is_landed else (counted.event_indexes or [0])
    if table is not None:
        yield table.name, counted.event_indexes if is_landed else []


def find_wrong_trades(
    lake: str, kafka_messages: CountedMessages, *, start: Offsets = FROM_FIRST
) -> list[Miscount]:
    """Trades in the lake that are others than in the message at their offset."""
    columns = ["event_index", "trade_id"]
    wrong = []
    for topic, partition, offset, index, trade_id in _read_rows(lake, "trades", columns, start):
        counted = kafka_messages.get((topic, partition, offset))
        if counted is None or counted.message is None or index < 0:
            continue
        events = counted.message["events"]
        if index >= len(events) or events[index]["trade_id"] != trade_id:
            wrong.append(f"{topic}/{partition} offset {offset}: trade {trade_id}")
    return [Miscount("; ".join(wrong[:EXAMPLES]), len(wrong))] if wrong else []


def find_unrecorded_holes(kafka_messages: CountedMessages) -> list[Miscount]:
    """Trade ids of Binance and Deribit that no message has and no entry of the ledger names."""
    ids: dict[tuple[str, str], set[int]] = defaultdict(set)
    for (topic, _, _), counted in kafka_messages.items():
        message = counted.message
        if topic != Topic.TRADES or message is None or message["venue"] not in NUMBERED:
            continue
        if message["seq"] and message["events"]:
            key = (message["venue"], message["symbol"])
            ids[key].update(range(message["seq"][0], message["seq"][1] + 1))
    named = _read_ledger_ids(kafka_messages)
    holes = []
    for key, present in sorted(ids.items()):
        missing = set(range(min(present), max(present))) - present - named[key]
        if missing:
            sentence = f"{key}: {len(missing)} ids, {min(missing)} to {max(missing)}"
            holes.append(Miscount(sentence, len(missing)))
    return holes


def find_repeated_decisions(kafka_messages: CountedMessages) -> list[Miscount]:
    """Decisions that the topic has twice."""
    counted = Counter(list_decision_ids(kafka_messages))
    return [
        Miscount(f"decision {name} {count} times", count - 1)
        for name, count in counted.items()
        if count > 1
    ]


def list_decision_ids(kafka_messages: CountedMessages) -> list[str]:
    """Of every message of trading.decisions."""
    return [
        event["decision_id"]
        for (topic, _, _), counted in sorted(kafka_messages.items())
        if topic == Topic.DECISIONS and counted.message
        for event in counted.message["events"]
    ]


def _read_ledger_ids(kafka_messages: CountedMessages) -> dict[tuple[str, str], set[int]]:
    named: dict[tuple[str, str], set[int]] = defaultdict(set)
    for (topic, _, _), counted in kafka_messages.items():
        if topic != Topic.LEDGER or counted.message is None:
            continue
        for event in counted.message["events"]:
            if event["entry"] in {"gap", "dropped"} and event.get("first_seq") is not None:
                key = (counted.message["venue"], counted.message["symbol"])
                named[key].update(range(event["first_seq"], event["last_seq"] + 1))
    return named


def _read_event_indexes(lake: str, name: str, start: Offsets) -> dict[RecordId, list[int]]:
    indexes: dict[RecordId, list[int]] = defaultdict(list)
    for topic, partition, offset, index in _read_rows(lake, name, ["event_index"], start):
        indexes[topic, partition, offset].append(index)
    return {record_id: sorted(events) for record_id, events in indexes.items()}


def _read_rows(
    lake: str, name: str, own_columns: list[str], start: Offsets
) -> Iterator[tuple[Any, ...]]:
    """Topic, partition, offset and these columns of each row at or above `start`."""
    if not (Path(lake) / name / "_delta_log").exists():
        return
    uris = [uri.removeprefix("file://") for uri in DeltaTable(f"{lake}/{name}").file_uris()]
    if not uris:
        return
    connection = duckdb.connect()
    selected = ", ".join(["topic", '"partition"', '"offset"', *own_columns])
    lowest = min(start.values(), default=0)
    rows = connection.execute(
        f'SELECT {selected} FROM read_parquet(?, union_by_name = true) WHERE "offset" >= ?',
        [uris, lowest],
    ).fetchall()
    connection.close()
    for row in rows:
        if row[2] >= start.get(TopicPartition(row[0], row[1]), 0):
            yield row
