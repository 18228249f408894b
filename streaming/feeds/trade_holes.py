"""A hole in the numbers of trades, as the connections of a feed share what they know. Pure."""


class TradeHole:
    """Numbers that a gap lacks, from one to another, in a dictionary of numbers."""

    def __init__(self, shared: dict[str, int], key: str) -> None:
        self._shared = shared
        self._keys = (key, f"{key} last", f"{key} gap", f"{key} gap last")

    def __contains__(self, number: int) -> bool:
        first = self._shared.get(self._keys[0])
        return first is not None and first <= number <= self._shared[self._keys[1]]

    @property
    def span(self) -> tuple[int, int]:
        """The first and the last number of an open hole."""
        first, last, *_ = self._keys
        return self._shared[first], self._shared[last]

    @property
    def gap(self) -> tuple[int, int] | None:
        """The gap it is a part of, by its first and last number; null if no hole is open."""
        *_, first, last = self._keys
        return (self._shared[first], self._shared[last]) if first in self._shared else None

    def open(self, first: int, last: int, *, gap: tuple[int, int]) -> None:
        """Begin a hole of a gap."""
        self._shared.update(zip(self._keys, (first, last, *gap), strict=True))

    def move_to(self, other: "TradeHole") -> None:
        """Close the hole; if it was open, the other one is what it was."""
        other.close()
        if (gap := self.gap) is not None:
            other.open(*self.span, gap=gap)
            self.close()

    def close(self) -> None:
        """Forget the hole."""
        for key in self._keys:
            self._shared.pop(key, None)
