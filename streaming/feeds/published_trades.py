"""Which trades of a symbol were published, beside those of its present count. Pure.

As in `trade_sequence`, what is known lies in the dictionary that the connections of a feed share.
"""

RECENT_IDS = 256  # ids remembered, to recognise repeats


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
        """Whether this trade was published: an id with a later time is of another one."""
        if self._next_slot not in self._shared:
            return False
        return traded_at <= self._shared.get(f"{self._key}|recent {trade_id}", traded_at - 1)

    def add(self, trade_id: int, traded_at: int) -> None:
        """Remember when an id's trade was made, a new id in place of the oldest one."""
        recent = f"{self._key}|recent {trade_id}"
        if recent in self._shared:
            self._shared[recent] = traded_at
            return
        slot = self._shared.get(self._next_slot, 0)
        self._shared[self._next_slot] = (slot + 1) % RECENT_IDS
        forgotten = self._shared.get(f"{self._key}|slot {slot}")
        if forgotten is not None:
            del self._shared[f"{self._key}|recent {forgotten}"]
        self._shared[f"{self._key}|slot {slot}"] = trade_id
        self._shared[recent] = traded_at
