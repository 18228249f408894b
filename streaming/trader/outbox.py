"""From the journal's outbox to Kafka, in order, without loss or repeats across a kill.

A row may have been sent and not yet noted as sent when the process died. Every message carries its
row's id as `seq` and the journal's name as `conn`; before the first send the topics' tails show how
far Kafka had got. A row stays until the lake has its record, so that what Kafka lost meanwhile is
sent again by the next process.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Self

from include.bus import Producer, Record, TopicPartition
from include.bus.tail import read_tail
from include.errors import TickhouseError, Unreachable, WireError
from include.log import event
from include.market import wire
from include.serving.journal import Journal, OutboxRow, PartitionOffset
from streaming.trader.kill_points import AFTER_SEND, KillPoints

TAIL_RECORDS = 500
FLUSH_S, CLOSE_S = 4.0, 1.0  # SIGTERM has to end the trader within 5 s
REPORTED_S = 1.0
DELETE_EVERY_S = 30.0
LandedOffsets = Callable[[Iterable[TopicPartition]], Mapping[TopicPartition, int]]

log = logging.getLogger("tickhouse.trader")


class Publisher:
    """Sends the rows of the journal's outbox, and deletes those that the lake has."""

    def __init__(
        self,
        bootstrap: str,
        *,
        journal: Journal,
        conn: str,
        kill_points: KillPoints,
        read_next_offsets: LandedOffsets,
    ) -> None:
        """Connect, and compare the outbox with what Kafka has of this journal.

        `read_next_offsets` gives the next offset that the lake will land of each topic-partition.

        Raises:
            Unreachable: Kafka or Postgres does not answer.
        """
        self._journal, self._kill_points, self._read_next_offsets = (
            journal,
            kill_points,
            read_next_offsets,
        )
        self._delete_landed()
        if rows := journal.outbox():
            topics = {row.topic for row in rows}
            tail = read_tail(bootstrap, topics, record_count=TAIL_RECORDS)
            offsets_by_id = find_offsets(rows, tail, conn=conn)
            if missing_ids := [
                row.id for row in rows if row.kafka_offset and offsets_by_id[row.id] is None
            ]:
                log.warning(event("kafka lost acknowledged messages", rows=len(missing_ids)))
            journal.note_offsets(offsets_by_id)
        self._producer = Producer(bootstrap, client_id="trader")

    def flush(self) -> None:
        """Send what Kafka does not have yet, and wait for the acknowledgements.

        Raises:
            Unreachable: Kafka or Postgres does not answer.
        """
        if rows := self._journal.outbox(unsent=True):
            offsets_by_id: dict[int, PartitionOffset | None] = {}
            for row in rows:
                note = partial(_note, offsets_by_id, row)
                self._producer.send(row.topic, row.key, row.value, delivered=note)
            self._producer.flush(FLUSH_S)
            _wait_for(offsets_by_id, len(rows))
            self._kill_points.reach(AFTER_SEND)
            self._journal.note_offsets(offsets_by_id)
        if time.monotonic() - self._deleted_at > DELETE_EVERY_S:
            self._delete_landed()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: object
    ) -> None:
        """Disconnect. After an error what is not delivered stays in the journal."""
        try:
            self._producer.close(timeout_s=CLOSE_S)
        except Unreachable:
            if error is None:
                raise

    def _delete_landed(self) -> None:
        """Delete the rows that the lake has; none while the lake cannot be read."""
        self._deleted_at = time.monotonic()
        try:
            next_offsets = self._read_next_offsets(self._journal.outbox_partitions())
        except TickhouseError as error:
            log.warning(event("outbox not compared with the lake", error=error))
            next_offsets = {}
        self._journal.delete_landed(next_offsets)


def find_offsets(
    outbox_rows: Iterable[OutboxRow], tail: Iterable[Record], *, conn: str
) -> dict[int, PartitionOffset | None]:
    """Where Kafka has each row by its id, by the topics' tails; null: it has to be sent.

    Rows are sent in order, so all up to the highest id of a topic are there. One that lies before
    the tail gets the offset of the first that follows it: no row is taken for landed too early.
    """
    offsets_by_id: dict[str, dict[int, PartitionOffset]] = {}
    for record in tail:
        if number := _read_number(record.value, conn):
            kafka_offset = PartitionOffset(record.partition, record.offset)
            offsets_by_id.setdefault(record.topic, {})[number] = kafka_offset
    return {row.id: _offset_at(offsets_by_id.get(row.topic, {}), row.id) for row in outbox_rows}


def _offset_at(offsets_by_id: Mapping[int, PartitionOffset], row_id: int) -> PartitionOffset | None:
    following = min((number for number in offsets_by_id if number >= row_id), default=None)
    return offsets_by_id[following] if following is not None else None


def _note(
    offsets_by_id: dict[int, PartitionOffset | None], row: OutboxRow, partition: int, offset: int
) -> None:
    offsets_by_id[row.id] = PartitionOffset(partition, offset)


def _wait_for(offsets_by_id: Mapping[int, PartitionOffset | None], count: int) -> None:
    """Wait for the producer's thread, which reports a delivery just after `flush` returns."""
    deadline = time.monotonic() + REPORTED_S
    while len(offsets_by_id) < count:
        if time.monotonic() > deadline:
            raise Unreachable(f"Kafka reported {len(offsets_by_id)} of {count} deliveries")
        time.sleep(0.001)


def _read_number(message_bytes: bytes, conn: str) -> int:
    try:
        message = wire.decode(message_bytes)
    except WireError:
        return 0
    return message.seq[0] if message.seq and message.conn == conn else 0
