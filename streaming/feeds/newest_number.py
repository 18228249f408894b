"""The newest of the numbers that were published, as they were. Pure."""

from streaming.feeds.trade_sequence import JUMP


class NewestNumber:
    """The newest of the numbers that were published, in the order in which they were.

    One number that does not follow changes nothing: it came late, or is wild. If the next one
    follows it, the venue counts from there.
    """

    def __init__(self, last: int | None, *, jump: int = JUMP) -> None:
        self.last = last
        self._jump, self._pending = jump, last

    def count(self, number: int) -> None:
        """Take note of a number."""
        if self.last is None or self.last <= number <= self.last + self._jump:
            self.last = self._pending = number
        elif self._pending is not None and 0 < number - self._pending <= self._jump:
            self.last = self._pending = number
        else:
            self._pending = number
