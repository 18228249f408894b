"""A producer that sends until it is stopped, whatever becomes of the broker."""

import random
import threading
from collections.abc import Callable

from confluent_kafka import Producer

Record = tuple[str, bytes, bytes]  # topic, key, value
MAX_AT_ONCE = 40


class Sending(threading.Thread):
    """Sends records in bursts, some pauses between them."""

    def __init__(
        self, bootstrap: str, records: Callable[[], Record], *, chance: random.Random
    ) -> None:
        super().__init__(daemon=True)
        self._records, self._chance, self._stop_it = records, chance, threading.Event()
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "acks": "all",
                "linger.ms": 2,
                "message.timeout.ms": 5000,
                "log_level": 0,
            }
        )

    def run(self) -> None:
        """Send until `finish`."""
        while not self._stop_it.is_set():
            for _ in range(self._chance.randrange(1, MAX_AT_ONCE)):
                topic, key, value = self._records()
                self._producer.produce(topic, value, key)
            self._producer.poll(0)
            self._stop_it.wait(0.1)

    def finish(self) -> None:
        """Stop; what was sent is acknowledged, or given up after five seconds."""
        self._stop_it.set()
        self.join(30)
        self._producer.flush(10)
