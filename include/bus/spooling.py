"""Publishing that outlives a broker that is unreachable: to Kafka, else to the spool, in order.

Memory holds a few megabytes at most; what waits longer is on disk; what the disk bound refuses is
counted and reported to the ledger as `dropped`, with the venue's numbers by which it can be asked
for again: at once when the spool is empty, else each minute, behind what waits.
"""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from include.bus.spool import Spool
from include.bus.spool_segment import SpooledRecord
from include.errors import Unreachable
from include.market import wire
from include.market.events import LedgerEntry, Message
from include.market.feed_entries import make_ledger_message
from include.market.numbering import frame_range, trade_range
from include.market.venues import DROPPED

MAX_PENDING_BYTES = 12 * 1024 * 1024
STALLED_S = 3.0
DRAINED_AT_ONCE = 500
REPORTED_EVERY_S = 60.0
KafkaRecord = tuple[str, bytes, bytes]  # topic, key, value
REPORTS_BYTES = 4 * 1024 * 1024  # room beyond the bound for reports of what it dropped


class Sender(Protocol):
    """What is needed of a producer: `FeedProducer`."""

    @property
    def sent(self) -> int:
        """Records sent so far."""

    @property
    def pending_bytes(self) -> int:
        """Bytes that were sent and not acknowledged."""

    @property
    def acknowledged_through(self) -> int:
        """So many of the first records sent are all acknowledged."""

    def waiting_s(self) -> float:
        """Seconds since the broker last acknowledged anything while something waits."""

    def send(self, topic: str, key: bytes, value: bytes) -> None:
        """Queue a record for the broker; it counts as sent before it is acknowledged."""


@dataclass
class Loss:
    """What a symbol lost of one kind of message, and of one connection's, to a full spool.

    `first_seq` and `last_seq` are numbers that the venue counts without gaps; `first_id` and
    `last_id` those of its messages where it does not.
    """

    venue: str
    symbol: str
    kind: str
    conn: str
    first_us: int
    last_us: int
    first_seq: int | None = None
    last_seq: int | None = None
    first_id: int | None = None
    last_id: int | None = None
    count: int = 0

    def add(self, message: Message) -> None:
        """Count a message."""
        self.count, self.last_us = self.count + 1, message.received_time
        numbers = trade_range(message) or frame_range(message)
        if numbers is not None:
            self.first_seq = numbers[0] if self.first_seq is None else self.first_seq
            self.last_seq = numbers[1]
        elif message.seq is not None:
            self.first_id = message.seq[0] if self.first_id is None else self.first_id
            self.last_id = message.seq[1]

    def message(self, now_us: int) -> Message:
        """The ledger's `dropped` entry, of the connection whose frames its numbers count."""
        detail = f"{self.count} messages received from {self.first_us} to {self.last_us} us"
        if self.first_id is not None:
            detail += f", ids {self.first_id} to {self.last_id}"
        cause = DROPPED.format(kind=self.kind)
        entry = LedgerEntry("dropped", cause, self.first_seq, self.last_seq, detail)
        return make_ledger_message(
            entry, venue=self.venue, symbol=self.symbol, conn=self.conn, at_us=now_us
        )


class SpoolingPublisher:
    """Publishes messages in order through a broker's absence; the spool's records go first.

    `on_sent` gets each record that the sender has taken, with the message if it did not wait.
    """

    def __init__(
        self,
        sender: Sender,
        spool: Spool,
        *,
        now_us: Callable[[], int],
        on_sent: Callable[[KafkaRecord, Message | None], None] = lambda *_: None,
    ) -> None:

        self._sender, self._spool, self._now_us = sender, spool, now_us
        self._on_sent = on_sent
        self._losses: dict[tuple[str, str, str, str], Loss] = {}
        self._reported_at = time.monotonic()
        self._in_flight: deque[int] = deque()  # the sender's numbers of the spool's records
        self.dropped = self.spooled = 0

    def publish(self, message: Message) -> None:
        """Send a message, behind those that wait."""
        record = wire.choose_topic(message), wire.encode_key(message), wire.encode(message)
        if not self._spool.count and self._is_ready() and self._try_send(record):
            self._on_sent(record, message)
            return
        self.drain()
        if self._spool.append(SpooledRecord(*record)):
            self.spooled += 1
            return
        self.dropped += 1
        scope = message.venue, message.symbol, message.kind, message.conn
        new = Loss(*scope, message.received_time, message.received_time)
        self._losses.setdefault(scope, new).add(message)

    def drain(self) -> None:
        """Send what waits, as far as the broker takes it; call it every second or so."""
        self._send_waiting()
        is_due = time.monotonic() - self._reported_at > REPORTED_EVERY_S
        if self._losses and (is_due or not self._spool.count):
            self._report_losses()
            self._send_waiting()
        self._spool.persist()

    def close(self) -> None:
        """Leave what was not acknowledged in the spool, for the next process."""
        self._release()
        self._report_losses()
        self._spool.close()

    def _send_waiting(self) -> None:
        for _ in range(DRAINED_AT_ONCE):
            record = self._spool.front()
            if record is None or not self._is_ready() or not self._try_send(record):
                break
            self._spool.take()
            self._in_flight.append(self._sender.sent)
            self._on_sent(record, None)
        self._release()

    def _is_ready(self) -> bool:
        busy = self._sender.pending_bytes > MAX_PENDING_BYTES
        return not busy and self._sender.waiting_s() < STALLED_S

    def _try_send(self, kafka_record: KafkaRecord) -> bool:
        try:
            self._sender.send(*kafka_record)
        except Unreachable:
            if self._sender.pending_bytes == 0:
                raise  # a record was lost, not delayed: only a restart can report the hole
            return False
        return True

    def _release(self) -> None:
        """Release the spool's copies of what the broker has acknowledged."""
        released, through = 0, self._sender.acknowledged_through
        while self._in_flight and self._in_flight[0] <= through:
            self._in_flight.popleft()
            released += 1
        self._spool.release(released)

    def _report_losses(self) -> None:
        """Put a ledger entry for each loss behind what waits; what finds no room is tried again."""
        self._losses = {
            scope: loss
            for scope, loss in self._losses.items()
            if not self._spool.append(
                SpooledRecord(*_make_record(loss.message(self._now_us()))),
                reserve_bytes=REPORTS_BYTES,
            )
        }
        self._reported_at = time.monotonic()


def _make_record(message: Message) -> KafkaRecord:
    return wire.choose_topic(message), wire.encode_key(message), wire.encode(message)
