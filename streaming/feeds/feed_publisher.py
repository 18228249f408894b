"""What a feed publishes to Kafka, counted: decoded messages, rejected frames, its own ledger."""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from include.errors import RejectedFrame
from include.log import event
from include.market import wire
from include.market.events import Frame, LedgerEntry, Message
from streaming.feeds.ledger import ledger_message

MAX_REJECT_BYTES = 5_900_000  # base64 of it still fits a Kafka message
# A level of fourteen bytes becomes an event of a hundred and thirty.
MEASURED_FROM_BYTES = wire.MAX_MESSAGE_BYTES // 16

PublishMessage = Callable[[Message], None]

log = logging.getLogger("tickhouse.feeds")


@dataclass
class FeedPublisher:
    """Publishes for one stream. `now_us` is the wall clock."""

    venue: str
    symbols: tuple[str, ...]
    publish: PublishMessage
    now_us: Callable[[], int]
    record: Callable[[str, Frame], None] | None = None
    counts: Counter[str] = field(default_factory=Counter)

    def publish_message(self, message: Message, frame: Frame) -> None:
        """Publish a decoded message; of one too large for Kafka the frame is rejected."""
        if len(frame.data) > MEASURED_FROM_BYTES:
            size = len(wire.encode(message))
            if size > wire.MAX_MESSAGE_BYTES:
                rejection = RejectedFrame("too_large", f"{size} bytes")
                self.publish_reject(frame, rejection, conn=message.conn)
                return
        if message.kind == "ledger":
            for entry in message.events:
                if isinstance(entry, LedgerEntry):
                    self._log_entry(message, entry)
        self.counts[message.kind] += 1
        self.publish(message)

    def _log_entry(self, message: Message, entry: LedgerEntry) -> None:
        """Log a decoder's entries for the ledger: gaps, jumps, what is begun again."""
        self.counts["gaps" if entry.entry == "gap" else entry.entry] += 1
        log.warning(
            event(
                f"feed {entry.entry}",
                venue=message.venue,
                symbol=message.symbol,
                conn=message.conn,
                cause=entry.cause,
                first=entry.first_seq,
                last=entry.last_seq,
            )
        )

    def publish_rejected_parts(
        self, frame: Frame, rejected: Sequence[RejectedFrame], *, conn: str
    ) -> None:
        """Publish once a frame of which parts were rejected, by the reason of the first."""
        details = "; ".join(dict.fromkeys(map(str, rejected)))
        detail = f"{len(rejected)} parts, the rest was taken: {details}"
        self.publish_reject(frame, RejectedFrame(rejected[0].reason, detail), conn=conn)

    def publish_reject(self, frame: Frame, rejection: RejectedFrame, *, conn: str) -> None:
        """Publish a rejected frame with its reason, whole unless it is larger than Kafka takes."""
        self.counts["rejects"] += 1
        data, detail = frame.data[:MAX_REJECT_BYTES], rejection.detail
        if len(data) < len(frame.data):
            detail = f"cut to {len(data)} of {len(frame.data)} bytes; {detail}"
        self.publish(
            wire.reject_message(
                data,
                venue=self.venue,
                conn=conn,
                received_time=frame.received_time,
                reason=rejection.reason,
                detail=detail,
            )
        )

    def publish_entry(
        self, entry: str, cause: str, *, conn: str, detail: str = "", at_us: int | None = None
    ) -> None:
        """Publish a ledger entry for each symbol of the stream, of now or of a time in µs."""
        self.counts[entry] += 1
        log.info(event(f"feed {entry}", venue=self.venue, conn=conn, cause=cause))
        for symbol in self.symbols:
            self.publish(
                ledger_message(
                    entry,
                    cause,
                    venue=self.venue,
                    symbol=symbol,
                    conn=conn,
                    at_us=self.now_us() if at_us is None else at_us,
                    detail=detail,
                )
            )
