"""Which trades of a symbol were published, beside those of its present count. Pure.

As in `trade_sequence`, what is known lies in the dictionary that the connections of a feed share.
"""

from functools import cache

RECENT_IDS = 256  # ids remembered, to recognise repeats
TIMED_NUMBERS = 127  # the same, of contiguous numbers, each in place of one of the same remainder


class EarlierCount:
    """The numbers from before a venue began again, which another connection may still bring."""

    def __init__(self, shared: dict[str, int], key: str) -> None:
        self._shared = shared
        self._keys = tuple(f"{key}|before {name}" for name in ("start", "last", "newest"))

    def end(self, start: int, last: int, newest: int) -> None:
        """The numbers from `start` to `last` were published; the newest trade was made then, µs."""
        self._shared.update(zip(self._keys, (start, last, newest), strict=True))

    def is_newer_than(self, number: int, traded_at: int) -> bool:
        """Whether a trade was made before the newest of these, or is that one."""
        if self._keys[0] not in self._shared:
            return False
        _, last, newest = (self._shared[key] for key in self._keys)
        return traded_at < newest or (number, traded_at) == (last, newest)

    def lacking_until(self, number: int) -> tuple[int, int] | None:
        """First and last number between these and one beyond them; null if it is one of them."""
        start, last, _ = (self._shared[key] for key in self._keys)
        if start <= number <= last:
            return None
        return (last + 1, number - 1) if number > last else (number + 1, start - 1)

    def extend(self, number: int) -> None:
        """Count one more number to these."""
        start, last, newest = (self._shared[key] for key in self._keys)
        self.end(min(start, number), max(last, number), newest)

    def covers(self, number: int, traded_at: int) -> bool:
        """Whether a trade that does not follow is one of these numbers."""
        if self._keys[0] not in self._shared:
            return False
        start, last, newest = (self._shared[key] for key in self._keys)
        return start <= number <= last and traded_at <= newest


class RecentIds:
    """The last ids of one symbol that were published, each with the time of its trade."""

    def __init__(self, shared: dict[str, int], key: str) -> None:
        self._shared, self._key = shared, key
        self._next_slot = f"{key}|next slot"

    def holds(self, trade_id: int, traded_at: int) -> bool:
        """Whether this trade was published: an id with another time is of another one."""
        return self._key_of(trade_id, traded_at) in self._shared

    def add(self, trade_id: int, traded_at: int) -> None:
        """Remember an id and when its trade was made, in place of the oldest one."""
        recent = self._key_of(trade_id, traded_at)
        if recent in self._shared:
            return
        slot = self._shared.get(self._next_slot, 0)
        self._shared[self._next_slot] = (slot + 1) % RECENT_IDS
        slots = f"{self._key}|slot {slot}", f"{self._key}|slot {slot} at"
        if slots[0] in self._shared:
            del self._shared[self._key_of(*(self._shared[key] for key in slots))]
        self._shared |= {slots[0]: trade_id, slots[1]: traded_at, recent: slot}

    def _key_of(self, trade_id: int, traded_at: int) -> str:
        return f"{self._key}|recent {trade_id} {traded_at}"


class TradeTimes:
    """When trades of the last numbers were made."""

    def __init__(self, shared: dict[str, int], key: str) -> None:
        self._shared, self._keys = shared, _name_slots(key)

    def find(self, number: int) -> int | None:
        """The time of a number's trade, if it is known."""
        of_number, at = self._keys[number % TIMED_NUMBERS]
        return self._shared[at] if self._shared.get(of_number) == number else None

    def add(self, number: int, traded_at: int) -> None:
        """Remember the time of a number's trade."""
        of_number, at = self._keys[number % TIMED_NUMBERS]
        self._shared[of_number], self._shared[at] = number, traded_at


@cache
def _name_slots(key: str) -> tuple[tuple[str, str], ...]:
    """The keys of numbers and times: the same strings for all connections of a feed."""
    return tuple((f"{key}|number {n}", f"{key}|at {n}") for n in range(TIMED_NUMBERS))
