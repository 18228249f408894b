"""What of the messages sent in a span of time arrived, and how late; what did not counts too."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from bench.measurement import Measurement, find_quantile
from include.bus import TopicPartition, offset_ranges

GRACE_S = 60.0  # how long what was sent at the very end may take
LOOK_EVERY_S = 2.0
SHARES = (("p50", 0.50), ("p99", 0.99))


@dataclass
class RecordSpan:
    """Offsets of a topic from `first` on and below `end`: what was sent in a span of time."""

    first: Mapping[TopicPartition, int]
    end: Mapping[TopicPartition, int] = field(default_factory=dict)

    def __contains__(self, message_id: tuple[TopicPartition, int]) -> bool:
        """Whether an offset of a partition is in it."""
        at, offset = message_id
        return self.first.get(at, offset + 1) <= offset < self.end.get(at, offset + 1)

    @property
    def count(self) -> int:
        """Messages sent."""
        return sum(end - self.first[at] for at, end in self.end.items())


@dataclass(frozen=True)
class Arrivals:
    """Delays in ms of everything sent; of the `missing`, how long was waited for them at least."""

    delays_ms: list[float]
    missing: int

    @classmethod
    def of(cls, delays_ms: list[float], *, sent_count: int, waited_s: float) -> "Arrivals":
        """With what was sent and has no delay after so many seconds."""
        missing = max(0, sent_count - len(delays_ms))
        return cls([*delays_ms, *[waited_s * 1000] * missing], missing)


def await_arrivals(delays_ms: Callable[[], list[float]], *, sent_count: int) -> Arrivals:
    """Wait until as many have a delay as were sent, at most `GRACE_S` seconds."""
    began_s = time.monotonic()
    while True:
        found_ms, waited_s = delays_ms(), time.monotonic() - began_s
        if len(found_ms) >= sent_count or waited_s > GRACE_S:
            return Arrivals.of(found_ms, sent_count=sent_count, waited_s=waited_s)
        time.sleep(LOOK_EVERY_S)


@contextmanager
def open_span(bootstrap: str, topic: str) -> Iterator[RecordSpan]:
    """The offsets that the topic gets while the block runs."""
    span = RecordSpan(_ends(bootstrap, topic))
    yield span
    span.end = _ends(bootstrap, topic)


def describe(
    name: str, arrivals: Arrivals, *, peer: str | None = None, peers: Arrivals | None = None
) -> list[Measurement]:
    """p50 and p99 beside a peer's, and how many never arrived."""
    rows = [
        Measurement.of(
            f"{name}_{label}",
            find_quantile(arrivals.delays_ms, share),
            "ms",
            peer=peer,
            peer_value=None if peers is None else find_quantile(peers.delays_ms, share),
            digits=1,
        )
        for label, share in SHARES
    ]
    others = None if peers is None else peers.missing
    return [*rows, Measurement(f"{name}_missing", arrivals.missing, "messages", peer, others)]


def _ends(bootstrap: str, topic: str) -> dict[TopicPartition, int]:
    return {at: end for at, (_, end) in offset_ranges(bootstrap, [topic]).items()}
