"""Publishing that outlives a broker that is away: to Kafka, else to the spool, in order.

Memory holds a few megabytes at most; what waits longer is on disk; what the disk bound refuses is
counted and reported to the ledger as `dropped` once there is room again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from include.bus.spool import Spool, SpooledRecord
from include.errors import Unreachable
from include.market import wire
from include.market.events import LedgerEntry, Message

MOST_PENDING_BYTES = 12 * 1024 * 1024
STALLED_S = 3.0
DRAINED_AT_ONCE = 500


class Sender(Protocol):
    """What is needed of a Kafka producer."""

    @property
    def pending_bytes(self) -> int:
        """Bytes that were sent and not acknowledged."""

    def waiting_s(self) -> float:
        """Seconds since the broker last acknowledged anything while something waits."""

    def send(self, topic: str, key: bytes, value: bytes) -> None:
        """Send a record."""


@dataclass
class Loss:
    """What one key lost while the spool was full."""

    count: int
    first_us: int
    last_us: int


class SpoolingPublisher:
    """Publishes messages in order through a broker's absence; the spool's records go first."""

    def __init__(self, sender: Sender, spool: Spool, *, now_us: Callable[[], int]) -> None:

        self._sender, self._spool, self._now_us = sender, spool, now_us
        self._lost: dict[tuple[str, str], Loss] = {}
        self.dropped = self.spooled = 0

    def publish(self, message: Message) -> None:
        """Send a message, behind those that wait."""
        record = SpooledRecord(wire.topic(message), wire.key(message), wire.encode(message))
        if not self._spool.count and self._is_ready() and self._try_send(record):
            return
        self.drain()
        if self._spool.append(record):
            self.spooled += 1
            return
        self.dropped += 1
        lost = self._lost.setdefault(
            (message.venue, message.symbol), Loss(0, message.received_time, 0)
        )
        lost.count, lost.last_us = lost.count + 1, message.received_time

    def drain(self) -> None:
        """Send what waits, as far as the broker takes it; call it every second or so."""
        for _ in range(DRAINED_AT_ONCE):
            record = self._spool.front()
            if record is None or not self._is_ready() or not self._try_send(record):
                break
            self._spool.pop()
        if self._lost and not self._spool.count:
            self._report_losses()

    def _is_ready(self) -> bool:
        busy = self._sender.pending_bytes > MOST_PENDING_BYTES
        return not busy and self._sender.waiting_s() < STALLED_S

    def _try_send(self, record: SpooledRecord) -> bool:
        try:
            self._sender.send(*record)
        except Unreachable:
            if self._sender.pending_bytes == 0:
                raise  # a record was lost for good, not delayed: only a restart can report the hole
            return False
        return True

    def _report_losses(self) -> None:
        """A ledger row for each venue and symbol whose messages the full spool dropped."""
        lost, self._lost = self._lost, {}
        for (venue, symbol), loss in lost.items():
            detail = f"{loss.count} messages received from {loss.first_us} to {loss.last_us} us"
            self.publish(
                Message(
                    venue=venue,
                    symbol=symbol,
                    kind="ledger",
                    conn="spool",
                    seq=None,
                    venue_time=None,
                    received_time=self._now_us(),
                    events=(LedgerEntry("dropped", "spool full", detail=detail),),
                )
            )
