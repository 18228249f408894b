"""Whether a connection began before the one before it ended, by numbers that both brought. Pure."""


class Overlap:
    """What one connection and the one before it have in common of one symbol.

    The newest number of all connections lies in the dictionary that they share. This one writes
    its own there when it has been compared: until then it is that of the connection before.
    """

    def __init__(self, shared: dict[str, int], symbol: str) -> None:
        self._shared, self._key = shared, f"{symbol}|newest update"
        self._first: int | None = None
        self._is_compared = False
        self.is_proven = False

    def take(self, number: int) -> None:
        """Take note of a number that this connection brought."""
        self._first = number if self._first is None else self._first
        newest = self._shared.get(self._key)
        if not self._is_compared:
            self.is_proven = newest is not None and newest >= self._first
        if self.is_proven or self._is_compared or newest is None:
            self._is_compared = True
            self._shared[self._key] = number

    def end(self) -> None:
        """Compare no more: what lacks since the connection before has been reported."""
        self._is_compared = True
