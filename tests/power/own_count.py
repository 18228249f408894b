"""A count of its own, apart from the audit: what was seen in Kafka, and what is there now.

A message that a consumer has seen was acknowledged: after a power cut it must be at the same
offset with the same bytes, its events must be in the lake once each, and ids that no message has
must be in the feed ledger.
"""

import hashlib
import json
import threading
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deltalake import DeltaTable
from kafka import KafkaConsumer
from kafka import TopicPartition as KafkaPartition

from include.lake.tables import LANDED, QUARANTINE, TABLE_OF_TOPIC
from include.market.wire import TOPICS, VERSION, Topic, TopicPartition

Place = tuple[str, int, int]  # topic, partition, offset
KEPT = frozenset((Topic.TRADES, Topic.LEDGER, Topic.DECISIONS))
SHOWN = 5


@dataclass(frozen=True)
class Seen:
    """What the count needs of one message: `events` is null for bytes that are no message.

    `message` is kept of trades, ledger entries and decisions alone: books are large.
    """

    digest: bytes
    events: int | None
    message: Mapping[str, Any] | None

    @property
    def event_indexes(self) -> list[int]:
        """Of its rows in its topic's table; none if it belongs in quarantine."""
        if self.events is None:
            return []
        return list(range(self.events)) or [-1]


class Recorder(threading.Thread):
    """Follows every topic from its beginning; `seen` is what the broker gave, until it is away."""

    def __init__(self, bootstrap: str, log: Path) -> None:
        """`log`: a file that gets a line a message, outside the disk whose power is cut."""
        super().__init__(daemon=True)
        self.seen: dict[Place, Seen] = {}
        self._address, self._log, self._stop_it = bootstrap, log, threading.Event()

    def run(self) -> None:
        """Follow until `finish`."""
        consumer = _consumer(self._address)
        try:
            with self._log.open("a") as log:
                _assign(consumer)
                while not self._stop_it.is_set():
                    for place, one in _poll(consumer):
                        self.seen[place] = one
                        log.write(f"{' '.join(map(str, place))} {one.digest.hex()}\n")
                    log.flush()
        finally:
            consumer.close()

    def finish(self) -> dict[Place, Seen]:
        """Stop, and what was seen."""
        self._stop_it.set()
        self.join(30)
        return self.seen


def read_topics(bootstrap: str) -> dict[Place, Seen]:
    """Every message that every topic has now."""
    consumer = _consumer(bootstrap)
    try:
        parts = _assign(consumer)
        ends = consumer.end_offsets(parts)
        seen: dict[Place, Seen] = {}
        while any(consumer.position(part) < end for part, end in ends.items()):
            seen |= _poll(consumer)
        return seen
    finally:
        consumer.close()


def lost_messages(before: Mapping[Place, Seen], now: Mapping[Place, Seen]) -> list[str]:
    """A line for each topic that no longer has what was seen in it."""
    lost: dict[str, list[int]] = defaultdict(list)
    for place, one in before.items():
        if place not in now or now[place].digest != one.digest:
            lost[f"{place[0]}/{place[1]}"].append(place[2])
    return [
        f"{part}: {len(gone)} of the messages seen are gone or others, first {min(gone)}"
        for part, gone in sorted(lost.items())
    ]


def ends_of(seen: Mapping[Place, Seen]) -> dict[TopicPartition, int]:
    """The offset after the last message of each topic and partition."""
    ends: dict[TopicPartition, int] = {}
    for topic, partition, offset in seen:
        part = TopicPartition(topic, partition)
        ends[part] = max(offset + 1, ends.get(part, 0))
    return ends


def wrong_rows(lake: str, now: Mapping[Place, Seen], *, bootstrap: str) -> list[str]:
    """Sentences about messages whose rows are not in the lake once each, a table each.

    Everything in `now` must have landed; what landed beyond it must be in Kafka too.
    """
    names = [table.name for table in LANDED] + [QUARANTINE.name]
    rows = {name: _event_indexes(lake, name) for name in names}
    ends, later = ends_of(now), kafka_ends(bootstrap)
    wrong: dict[str, list[str]] = defaultdict(list)
    for place, one in now.items():
        table = TABLE_OF_TOPIC.get(place[0])
        if table is None and place[0] != Topic.REJECTS:
            continue  # not landed
        sound = table is not None and one.events is not None
        home = table.name if table and sound else QUARANTINE.name
        names_due = {QUARANTINE.name, table.name} if table else {QUARANTINE.name}
        for name in names_due:
            indexes = (one.event_indexes or [0]) if name == home else []
            landed = sorted(rows[name].pop(place, []))
            if landed != indexes:
                wrong[name].append(f"{place}: events {landed}, not {indexes}")
    for name, left in rows.items():
        for topic, partition, offset in left:
            part = TopicPartition(topic, partition)
            if not ends.get(part, 0) <= offset < later.get(part, 0):
                wrong[name].append(f"{(topic, partition, offset)}: no such message in Kafka")
    return [
        f"{name}: {len(ones)} wrong, {'; '.join(ones[:SHOWN])}"
        for name, ones in wrong.items()
        if ones
    ]


def wrong_trades(lake: str, now: Mapping[Place, Seen]) -> list[str]:
    """Trades in the lake that are others than in the message at their offset."""
    columns = ["topic", "partition", "offset", "event_index", "trade_id"]
    wrong = []
    for topic, partition, offset, index, trade_id in _rows(lake, "trades", columns):
        one = now.get((topic, partition, offset))
        if one is None or one.message is None or index < 0:
            continue
        events = one.message["events"]
        if index >= len(events) or events[index]["trade_id"] != trade_id:
            wrong.append(f"{topic}/{partition} offset {offset}: trade {trade_id}")
    return wrong[:SHOWN]


def kafka_ends(bootstrap: str) -> dict[TopicPartition, int]:
    """The next offset of each topic and partition."""
    consumer = _consumer(bootstrap)
    try:
        ends = consumer.end_offsets(_assign(consumer))
    finally:
        consumer.close()
    return {TopicPartition(*part): end for part, end in ends.items()}


def unrecorded_holes(now: Mapping[Place, Seen]) -> list[str]:
    """Trade ids of Binance and Deribit that no message has and no entry of the ledger names."""
    ids: dict[tuple[str, str], set[int]] = defaultdict(set)
    for (topic, _, _), one in now.items():
        message = one.message
        if message is None or message["venue"] not in {"binance", "deribit"}:
            continue
        key = (message["venue"], message["symbol"])
        if topic == Topic.TRADES and message["seq"] and message["events"]:
            ids[key].update(range(message["seq"][0], message["seq"][1] + 1))
    named = _ledger_ids(now)
    holes = []
    for key, there in sorted(ids.items()):
        missing = set(range(min(there), max(there))) - there - named[key]
        if missing:
            holes.append(f"{key}: {len(missing)} ids, {min(missing)} to {max(missing)}")
    return holes


def repeated_decisions(now: Mapping[Place, Seen]) -> list[str]:
    """Decisions that the topic has twice."""
    counted = Counter(decision_ids(now))
    return [f"decision {name} {count} times" for name, count in counted.items() if count > 1]


def decision_ids(now: Mapping[Place, Seen]) -> list[str]:
    """Of every message of trading.decisions."""
    return [
        event["decision_id"]
        for (topic, _, _), one in sorted(now.items())
        if topic == Topic.DECISIONS and one.message
        for event in one.message["events"]
    ]


def _ledger_ids(now: Mapping[Place, Seen]) -> dict[tuple[str, str], set[int]]:
    named: dict[tuple[str, str], set[int]] = defaultdict(set)
    for (topic, _, _), one in now.items():
        if topic != Topic.LEDGER or one.message is None:
            continue
        for event in one.message["events"]:
            if event["entry"] in {"gap", "dropped"} and event.get("first_seq") is not None:
                key = (one.message["venue"], one.message["symbol"])
                named[key].update(range(event["first_seq"], event["last_seq"] + 1))
    return named


def _event_indexes(lake: str, name: str) -> dict[Place, list[int]]:
    found: dict[Place, list[int]] = defaultdict(list)
    for *place, index in _rows(lake, name, ["topic", "partition", "offset", "event_index"]):
        found[place[0], place[1], place[2]].append(index)
    return found


def _rows(lake: str, name: str, columns: list[str]) -> Iterable[tuple[Any, ...]]:
    if not (Path(lake) / name / "_delta_log").exists():
        return []
    table = DeltaTable(f"{lake}/{name}").to_pyarrow_table(columns=columns)
    return zip(*(table[column].to_pylist() for column in columns), strict=True)


def _consumer(bootstrap: str) -> Any:
    return KafkaConsumer(
        bootstrap_servers=bootstrap,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=16 * 1024 * 1024,
        fetch_max_wait_ms=50,
    )


def _assign(consumer: Any) -> list[KafkaPartition]:
    parts = [
        KafkaPartition(topic, part)
        for topic in TOPICS
        for part in sorted(consumer.partitions_for_topic(topic) or ())
    ]
    consumer.assign(parts)
    consumer.seek_to_beginning(*parts)
    return parts


def _poll(consumer: Any) -> Iterable[tuple[Place, Seen]]:
    return [
        ((part.topic, part.partition, record.offset), seen_message(part.topic, record.value))
        for part, records in consumer.poll(timeout_ms=200).items()
        for record in records
    ]


def seen_message(topic: str, value: bytes | None) -> Seen:
    """What the count needs of a Kafka record's value."""
    digest = hashlib.sha1(value or b"").digest()
    try:
        message = json.loads(value or b"")
    except ValueError:
        return Seen(digest, None, None)
    if not (isinstance(message, dict) and message.get("v") == VERSION and "events" in message):
        return Seen(digest, None, None)
    return Seen(digest, len(message["events"]), message if topic in KEPT else None)
