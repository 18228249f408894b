"""The feeds' producer, on librdkafka: in a busy market Python alone sends too slowly.

The same promises as `Producer`: acknowledged by all replicas, idempotent, in order for each key,
no loss in silence. It works when it is called, in the thread that calls it; what the broker
acknowledged meanwhile is taken in by `send`, `flush` and whoever asks for it.
"""

import logging
import time
from collections import deque
from collections.abc import Iterable
from importlib.util import find_spec

from confluent_kafka import KafkaError, KafkaException, Message
from confluent_kafka import Producer as KafkaProducer

from include.bus.client_options import librdkafka_options
from include.bus.connection import MAX_REQUEST_BYTES, RECONNECT_OPTIONS
from include.bus.delivery import DELIVERY_S, Delivery, undelivered_error
from include.bus.refusals import describe_silence
from include.errors import Unreachable

GROUP_RECORDS = 500
GROUP_BYTES = 256 * 1024
LOOK_AGAIN_S = 0.1  # after so long without an acknowledgement it is asked whether one has come
SETTINGS = {
    "enable.idempotence": True,
    "acks": "all",
    "partitioner": "murmur2_random",  # the partition that every other client gives a key
    "linger.ms": 5,
    "batch.size": 1024 * 1024,
    "message.max.bytes": MAX_REQUEST_BYTES,
    "socket.timeout.ms": 15_000,
    "socket.nagle.disable": True,
    "log.connection.close": False,
    "reconnect.backoff.ms": RECONNECT_OPTIONS["reconnect_backoff_ms"],
    "reconnect.backoff.max.ms": RECONNECT_OPTIONS["reconnect_backoff_max_ms"],
    "retry.backoff.ms": RECONNECT_OPTIONS["retry_backoff_ms"],
}

log = logging.getLogger("tickhouse.bus")


class FeedProducer(Delivery):
    """Sends records of one thread; `acknowledged` counts those that Kafka has.

    A record is tried again for `delivery_s` seconds, so a broker may be killed and restarted
    meanwhile. After one that could not be delivered every call raises Unreachable.
    """

    def __init__(
        self,
        bootstrap: str,
        *,
        client_id: str,
        delivery_s: int = DELIVERY_S,
        topics: Iterable[str] = (),
    ) -> None:
        """Connect, and see that the broker has these topics.

        Raises:
            Unreachable: no broker answers, or a topic does not exist.
        """
        self.acknowledged = 0
        self._through, self._moved_at = 0, time.monotonic()
        self._failures: list[str] = []
        self._refused = 0
        self._sent_before = self._pending_before = 0  # the current group
        self._group = _RecordGroup(self._failures)
        self._groups = deque([self._group])
        # What is compressed must be readable for kafka-python as well, which takes lz4 for it.
        compression = "lz4" if find_spec("lz4") else "none"
        options = {
            "bootstrap.servers": bootstrap,
            "client.id": client_id,
            "delivery.timeout.ms": delivery_s * 1000,
            "compression.type": compression,
            **librdkafka_options(bootstrap),
        }
        self._kafka = KafkaProducer(SETTINGS | options, logger=log)
        self._produce = self._kafka.produce
        try:
            existing = self._kafka.list_topics(
                timeout=RECONNECT_OPTIONS["bootstrap_timeout_ms"] / 1000
            ).topics
        except KafkaException as error:
            raise Unreachable(describe_silence(bootstrap, _describe_error(error))) from error
        if missing := sorted(set(topics) - set(existing)):
            raise Unreachable(f"Kafka at {bootstrap} has no topic {', '.join(missing)}")

    @property
    def sent(self) -> int:
        """Records handed to librdkafka."""
        return self._sent_before + self._group.sent

    @property
    def pending_bytes(self) -> int:
        """Bytes that were sent and neither acknowledged nor given up, by whole groups."""
        return self._pending_before + self._group.size_bytes

    @property
    def failed(self) -> int:
        """Records that were refused or given up."""
        return self._refused + len(self._failures)

    @property
    def acknowledged_through(self) -> int:
        """So many of the first records sent are all acknowledged; none counts that was lost."""
        self._poll_broker()
        return self._through

    def waiting_s(self) -> float:
        """Seconds since the broker last acknowledged anything; 0 while nothing waits."""
        if not self.pending_bytes:
            return 0.0
        waiting_s = time.monotonic() - self._moved_at
        if waiting_s < LOOK_AGAIN_S:
            return waiting_s
        self._poll_broker()
        return time.monotonic() - self._moved_at if self.pending_bytes else 0.0

    def send(self, topic: str, key: bytes, value: bytes) -> None:
        """Hand a record to librdkafka; returns before it is acknowledged.

        Raises:
            Unreachable: an earlier record was lost, or this one is too large, or too many wait.
        """
        group = self._group
        if group.sent == GROUP_RECORDS or group.size_bytes > GROUP_BYTES:
            self._poll_broker()
            group = self._group
        if self._failures:
            self._raise_failure()
        size = len(key) + len(value)
        try:
            self._produce(topic, value, key, -1, group.settle)
        except BufferError as error:
            raise Unreachable(f"{self.sent - self.acknowledged} records wait for Kafka") from error
        except KafkaException as error:
            self._refused += 1
            raise Unreachable(
                f"Kafka took no record of {size} bytes for {topic}: {_describe_error(error)}"
            ) from error
        if not group.sent and not self._pending_before:
            self._moved_at = time.monotonic()
        group.sent += 1
        group.size_bytes += size

    def flush(self, timeout_s: float = 30.0) -> None:
        """Wait until everything sent is acknowledged.

        Raises:
            Unreachable: it was not in time, or a record was lost.
        """
        self._kafka.flush(timeout_s)
        self._settle()
        if waiting := sum(group.waiting for group in self._groups):
            raise Unreachable(f"{waiting} records not acknowledged in {timeout_s} s")
        if self._failures:
            self._raise_failure()

    def _disconnect(self) -> None:
        self._kafka.purge()

    def _poll_broker(self) -> None:
        """Take in what was acknowledged or given up since the last call."""
        self._kafka.poll(0)
        self._settle()

    def _settle(self) -> None:
        waiting = sum(group.waiting for group in self._groups)
        acknowledged = self.sent - len(self._failures) - waiting
        if acknowledged > self.acknowledged:
            self.acknowledged, self._moved_at = acknowledged, time.monotonic()
        if self._group.sent:
            self._sent_before += self._group.sent
            self._pending_before += self._group.size_bytes
            self._group = _RecordGroup(self._failures)
            self._groups.append(self._group)
        while not self._groups[0].waiting and self._groups[0] is not self._group:
            settled = self._groups.popleft()
            self._pending_before -= settled.size_bytes
            if not self._failures:
                self._through += settled.sent

    def _raise_failure(self) -> None:
        raise undelivered_error(len(self._failures), self._failures[0])


class _RecordGroup:
    """Records sent one after the other, which are counted together: a note for each costs more."""

    __slots__ = ("failures", "sent", "settled", "size_bytes")

    def __init__(self, failures: list[str]) -> None:
        self.failures = failures
        self.sent = self.settled = self.size_bytes = 0

    @property
    def waiting(self) -> int:
        """Records that were neither acknowledged nor given up."""
        return self.sent - self.settled

    def settle(self, failure: KafkaError | None, message: Message) -> None:
        """Count a record that was acknowledged, or note why it was given up."""
        self.settled += 1
        if failure is not None:
            self.failures.append(f"{message.topic()}: {failure.str()}")


def _describe_error(exception: KafkaException) -> str:
    fault = exception.args[0]
    return str(fault.str() if isinstance(fault, KafkaError) else fault)
