"""What both producers promise: an undelivered record is reported, when they close at the latest."""

from abc import ABC, abstractmethod

from include.errors import Unreachable

DELIVERY_S = 600  # a broker may be killed and restarted meanwhile


class Delivery(ABC):
    """The end of a producer, and the error of its lost records."""

    @abstractmethod
    def flush(self, timeout_s: float = 30.0) -> None:
        """Wait until everything sent is acknowledged.

        Raises:
            Unreachable: it was not in time, or a record was lost.
        """

    def close(self, timeout_s: float = 10.0) -> None:
        """Flush and disconnect.

        Raises:
            Unreachable: as `flush`; it is disconnected all the same.
        """
        try:
            self.flush(timeout_s)
        finally:
            self._disconnect()

    @abstractmethod
    def _disconnect(self) -> None:
        """Leave the broker; what was not delivered has been reported by `flush`."""


def undelivered_error(count: int, first_failure: str) -> Unreachable:
    """The error of so many lost records."""
    return Unreachable(f"{count} records were not delivered, first {first_failure}")
