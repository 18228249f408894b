"""A producer that loses nothing silently."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from importlib.util import find_spec
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError

from include.bus.client_options import python_options
from include.bus.connection import MAX_REQUEST_BYTES, RECONNECT_OPTIONS
from include.bus.delivery import DELIVERY_S, Delivery, undelivered_error
from include.bus.refusals import describe_silence
from include.errors import Unreachable
from include.market import wire
from include.market.events import Message

MAX_PENDING_BYTES = 256 * 1024 * 1024


class Producer(Delivery):
    """Sends with acks from all replicas, idempotent: no loss, no doubling, order kept per key.

    A record is tried again for ten minutes, so a broker may be killed and restarted meanwhile.
    What could not be delivered is never swallowed: the next call raises Unreachable.
    """

    def __init__(
        self,
        bootstrap: str,
        *,
        client_id: str,
        delivery_s: int = DELIVERY_S,
        topics: Iterable[str] = (),
    ) -> None:
        """Connect.

        The partitions of `topics` are asked for now: the first record of a topic waits for them.

        Raises:
            Unreachable: no broker answers.
        """
        self.sent = self.acknowledged = self.failed = 0
        self._first_failure: str | None = None
        self._sent_bytes = self._settled_bytes = 0
        try:
            self._producer = KafkaProducer(
                bootstrap_servers=bootstrap,
                client_id=client_id,
                enable_idempotence=True,
                acks="all",
                retries=float("inf"),
                delivery_timeout_ms=delivery_s * 1000,
                request_timeout_ms=15_000,
                linger_ms=5,
                batch_size=256 * 1024,
                compression_type="lz4" if find_spec("lz4") else None,
                max_request_size=MAX_REQUEST_BYTES,
                **python_options(bootstrap),
                **RECONNECT_OPTIONS,
            )
            for topic in topics:
                self._producer.partitions_for(topic)
        except KafkaError as error:
            raise Unreachable(describe_silence(bootstrap, error)) from error

    @property
    def pending_bytes(self) -> int:
        """Bytes that were sent and neither acknowledged nor given up."""
        return self._sent_bytes - self._settled_bytes

    def publish(self, message: Message) -> None:
        """Send a message to its topic under its key.

        Raises:
            WireError: its kind has no topic.
            Unreachable: as `send`.
        """
        self.send(wire.choose_topic(message), wire.encode_key(message), wire.encode(message))

    def send(
        self,
        topic: str,
        key: bytes,
        value: bytes,
        *,
        delivered: Callable[[int, int], None] | None = None,
    ) -> None:
        """Send bytes; returns before they are acknowledged.

        `delivered` is called with the partition and offset then, in another thread.

        Raises:
            Unreachable: an earlier record was lost, or too much waits for the broker.
        """
        self._raise_failure()
        if self.pending_bytes > MAX_PENDING_BYTES:
            raise Unreachable(f"{self.sent - self.acknowledged} records wait for Kafka: too many")
        size = len(key) + len(value)
        try:
            future = self._producer.send(topic, key=key, value=value)
        except KafkaError as error:
            self.failed += 1
            raise Unreachable(
                f"Kafka took no record of {size} bytes for {topic}: {error!r}"
            ) from error
        self.sent += 1
        self._sent_bytes += size
        future.add_callback(self._acknowledge, size)
        if delivered is not None:
            future.add_callback(lambda at: delivered(at.partition, at.offset))
        future.add_errback(self._fail, topic, size)

    def flush(self, timeout_s: float = 30.0) -> None:
        """Wait until everything sent is acknowledged.

        Raises:
            Unreachable: it was not in time, or a record was lost.
        """
        try:
            self._producer.flush(timeout=timeout_s)
        except KafkaError as error:
            waiting = self.sent - self.acknowledged - self.failed
            raise Unreachable(f"{waiting} records not acknowledged in {timeout_s} s") from error
        self._raise_failure()

    def _disconnect(self) -> None:
        with suppress(KafkaError):
            self._producer.close(timeout=1.0)

    def _acknowledge(self, size: int, _metadata: Any) -> None:
        self.acknowledged += 1
        self._settled_bytes += size

    def _fail(self, topic: str, size: int, error: BaseException) -> None:
        self.failed += 1
        self._settled_bytes += size
        self._first_failure = self._first_failure or f"{topic}: {error!r}"

    def _raise_failure(self) -> None:
        if self._first_failure is not None:
            raise undelivered_error(self.failed, self._first_failure)
