"""One value a second of market time, for the last hours: bounded, whatever arrives."""

from typing import Generic, TypeVar

T = TypeVar("T")
_SLACK = 1.25


class Seconds(Generic[T]):
    """The last value of each second since the epoch; of the newest `keep` seconds at least."""

    def __init__(self, keep: int) -> None:
        """`keep` is how many seconds stay."""
        self._keep = keep
        self._values: dict[int, T] = {}

    def put(self, second: int, value: T) -> None:
        """Set the value of a second; it replaces an earlier one of the same second."""
        self._values[second] = value
        if len(self._values) > self._keep * _SLACK:
            for old in sorted(self._values)[: -self._keep]:
                del self._values[old]

    def between(self, first: int, last: int) -> list[tuple[int, T]]:
        """The (second, value) pairs from `first` to `last`, both included, in order."""
        return sorted((s, value) for s, value in self._values.items() if first <= s <= last)

    def __len__(self) -> int:
        return len(self._values)
