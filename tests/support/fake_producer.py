"""A producer whose broker acknowledges everything at once."""

from include.bus.spool_segment import SpooledRecord


class FakeProducer:
    """What `FeedProducer` is to a feed; `records` are those that it was given."""

    pending_bytes = 0

    def __init__(self) -> None:
        self.records: list[SpooledRecord] = []

    @property
    def sent(self) -> int:
        return len(self.records)

    acknowledged = acknowledged_through = sent

    def waiting_s(self) -> float:
        return 0.0

    def send(self, topic: str, key: bytes, value: bytes) -> None:
        self.records.append(SpooledRecord(topic, key, value))

    def close(self) -> None:
        """Nothing is left to send."""
