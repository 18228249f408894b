"""What a feed says: decoded messages, refused frames, and its own ledger, all to Kafka, counted."""

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from include.errors import RejectedFrame
from include.log import event
from include.market import wire
from include.market.events import Frame, Message
from streaming.feeds.ledger import ledger

MAX_REJECT_BYTES = 5_900_000  # base64 of it still fits a Kafka message

log = logging.getLogger("tickhouse.feeds")


@dataclass
class Outlet:
    """Publishes for one link. `now_us` is the wall clock."""

    venue: str
    symbols: tuple[str, ...]
    publish: Callable[[Message], None]
    now_us: Callable[[], int]
    record: Callable[[str, Frame], None] | None = None
    counts: Counter[str] = field(default_factory=Counter)

    def message(self, message: Message, frame: Frame) -> None:
        """Publish a decoded message; one too large for Kafka becomes a refusal of its frame."""
        if len(frame.data) > MAX_REJECT_BYTES:
            value = wire.encode(message)
            if len(value) > wire.MAX_MESSAGE_BYTES:
                refused = RejectedFrame("too_large", f"{len(value)} bytes")
                self.refusal(frame, refused, conn=message.conn)
                return
        if message.kind == "ledger":
            self.counts["gaps"] += 1
            log.warning(
                event(
                    "feed gap",
                    venue=message.venue,
                    symbol=message.symbol,
                    conn=message.conn,
                    seq=message.seq,
                )
            )
        self.counts[message.kind] += 1
        self.publish(message)

    def refusal(self, frame: Frame, refused: RejectedFrame, *, conn: str) -> None:
        """Put a frame aside, whole unless it is larger than Kafka takes, with why."""
        self.counts["rejects"] += 1
        kept, detail = frame.data[:MAX_REJECT_BYTES], refused.detail
        if len(kept) < len(frame.data):
            detail = f"cut to {len(kept)} of {len(frame.data)} bytes; {detail}"
        self.publish(
            wire.rejected(
                kept,
                venue=self.venue,
                conn=conn,
                received_time=frame.received_time,
                reason=refused.reason,
                detail=detail,
            )
        )

    def tell(self, entry: str, cause: str, *, conn: str, detail: str = "") -> None:
        """Write a ledger row for each symbol of the link."""
        self.counts[entry] += 1
        log.info(event(f"feed {entry}", venue=self.venue, conn=conn, cause=cause))
        for symbol in self.symbols:
            self.publish(
                ledger(
                    entry,
                    cause,
                    venue=self.venue,
                    symbol=symbol,
                    conn=conn,
                    at=self.now_us(),
                    detail=detail,
                )
            )
