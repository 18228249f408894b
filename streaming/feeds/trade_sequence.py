"""Which trades are new, by the venue's numbers of them, over all connections of a feed. Pure.

What is known of a symbol lies in the dictionary that the connections of a feed share: the last
number under the symbol itself, the rest under the symbol and a word. A sequence takes a trade
unless it was published before, and report what does not follow:

- `gap`: numbers from first to last are missing;
- `jump`: a number so far ahead that the hole is not believed yet. If the next number follows the
  jump, the hole becomes a `gap`; if it follows the last one, the jump is forgotten;
- `renumbered`: a number below the last that was never published, or one of a hole that was traded
  after the newest. If the next number follows it, the venue begins again, which is a second entry;
  what another connection still brings of the count before is recognised by its time;
- `healed`: all numbers of a gap came late, as they do from the older of two connections. It is
  reported with a trade that was made seconds after them, when they are long published.

Source: the venues' documents promise rising numbers; test nets, relisted symbols and migrations
begin again.
"""

from include.market.events import LedgerEntry
from include.market.venues import BEGINS_AGAIN
from streaming.feeds.published_trades import EarlierCount, RecentIds

NEAR = 500  # numbers by which one of two live connections may be behind the other
FAR_BEHIND = 100_000  # the same, of a trade that is older than the newest
JUMP = 1_000_000  # a larger hole in contiguous numbers needs a second trade to confirm it
ID_JUMP = 10**12  # a larger step of ids that rise with holes is reported
UNCONFIRMED = "unconfirmed"
TIMED_NUMBERS = 64  # the last numbers of which it is remembered when the trade was made
OPEN_HOLES = 16  # holes remembered, to take what comes late
ARRIVED_LATE = "arrived late"
SETTLED_US = 5_000_000  # from the last trade of a gap that came late to the gap's end

Entries = tuple[LedgerEntry, ...]


class ContiguousTrades:
    """The numbers of one symbol's trades, where each follows the one before."""

    def __init__(self, shared: dict[str, int], key: str) -> None:
        """Go on from `shared[key]`, the last number known; `key` is a symbol."""
        self._shared, self._key = shared, key
        self.newest_key = f"{key}|newest"  # when the newest trade was made, µs
        self._start = f"{key}|start"  # numbers from here on were published by this process
        self._pending, self._pending_after = f"{key}|pending", f"{key}|pending after"
        self._apart = RecentIds(shared, f"{key}|apart")  # published, and part of no sequence
        self._before = EarlierCount(shared, key)
        self._holes = [_Hole(shared, f"{key}|hole {n}") for n in range(OPEN_HOLES)]
        self._holes_before = [_Hole(shared, f"{key}|hole before {n}") for n in range(OPEN_HOLES)]
        self._next_hole = f"{key}|next hole"
        self._times = tuple(f"{key}|at {n}" for n in range(TIMED_NUMBERS))
        self.filled_key = f"{key}|filled"  # first number of a gap of which every number came late
        self._filled_last, self._filled_at = f"{key}|filled last", f"{key}|filled at"
        if key in shared:
            shared.setdefault(self._start, shared[key] + 1)

    def take(self, number: int, traded_at: int, *, cause: str = "missing") -> Entries | None:
        """The ledger entries that go before this trade; null if it was published before.

        `cause` is that of a gap. `traded_at` in µs: what is newer than the newest is no repeat.
        """
        entries = self._take(number, traded_at, cause=cause)
        is_settled = traded_at >= self._shared.get(self._filled_at, traded_at + 1) + SETTLED_US
        return (
            (*self._close_filled_gap(), *entries) if entries is not None and is_settled else entries
        )

    def _take(self, number: int, traded_at: int, *, cause: str) -> Entries | None:
        last = self._shared.get(self._key)
        if last is None:
            self._shared[self._start] = number
            return self._advance(number, traded_at)
        if number == last + 1 and not self._before.is_newer_than(number, traded_at):
            entries = self._advance(number, traded_at)
            return None if self._apart.holds(number, traded_at) else entries
        if self._apart.holds(number, traded_at):
            return None
        is_missing = any(number in hole for hole in self._holes_before)
        if not is_missing and self._before.covers(number, traded_at):
            return None
        if self._before.is_newer_than(number, traded_at):
            return self._take_late(number, traded_at)
        return self._take_apart(number, traded_at, last=last, cause=cause)

    def _take_apart(self, number: int, traded_at: int, *, last: int, cause: str) -> Entries | None:
        """The entries of a number that does not follow, and was not published apart."""
        if number <= last:
            hole = next((hole for hole in self._holes if number in hole), None)
            if hole is not None and self._may_be_late(hole, traded_at):
                return self._fill(hole, number, traded_at)
            if hole is None and self._is_repeated(number, traded_at, last):
                return None
            if traded_at < self._shared.get(self.newest_key, traded_at):
                before_start = self._begin_earlier(number, cause=cause)
                return (*before_start, *self._take_late(number, traded_at))
        if self._follows_pending(number, last):
            return self._confirm(number, traded_at, last=last, cause=cause)
        if 0 < number - last <= JUMP:
            return self._advance(number, traded_at, self._gap(last + 1, number - 1, cause))
        return self._wait_for_next(number, traded_at, last)

    def _begin_earlier(self, number: int, *, cause: str) -> Entries:
        """Begin with a number that came late; the gap to the one that was taken for the first."""
        start = self._shared.get(self._start, number)
        if not 0 < start - number <= NEAR:
            return ()
        self._shared[self._start] = number
        return (self._gap(number + 1, start - 1, cause),) if start - number > 1 else ()

    def _take_late(self, number: int, traded_at: int) -> Entries:
        """What came too late to be of the sequence is published, and changes nothing."""
        self._apart.add(number, traded_at)
        return ()

    def _advance(self, number: int, traded_at: int, *entries: LedgerEntry) -> Entries:
        self._shared[self._key] = number
        self._shared[self._times[number % TIMED_NUMBERS]] = traded_at
        self._shared[self.newest_key] = max(traded_at, self._shared.get(self.newest_key, traded_at))
        return entries

    def _may_be_late(self, hole: "_Hole", traded_at: int) -> bool:
        """Whether an older connection brings a number of the hole, and not the venue a new one."""
        first, last = hole.gap or hole.span
        return traded_at <= self._shared.get(self.newest_key, traded_at) and last - first <= JUMP

    def _is_repeated(self, number: int, traded_at: int, last: int) -> bool:
        newest = self._shared.get(self.newest_key, traded_at)
        if traded_at > newest or self._is_of_another_count(number, traded_at, last):
            return False
        start = self._shared.get(self._start, last)
        near = NEAR if traded_at == newest else FAR_BEHIND
        spans = [hole.span for hole in self._holes if hole.gap is not None]
        missing = sum(end - begin + 1 for begin, end in spans if begin > number)
        return number == last or (start <= number and last - number - missing <= near)

    def _is_of_another_count(self, number: int, traded_at: int, last: int) -> bool:
        """Whether a trade of another time has this number: the venue had begun again."""
        slot = self._times[number % TIMED_NUMBERS]
        is_timed = last - number < TIMED_NUMBERS and slot in self._shared
        return is_timed and self._shared[slot] != traded_at

    def _wait_for_next(self, number: int, traded_at: int, last: int) -> Entries:
        self._shared[self._pending], self._shared[self._pending_after] = number, last
        self._apart.add(number, traded_at)
        if number > last:
            return (LedgerEntry("jump", UNCONFIRMED, last + 1, number - 1),)
        return (LedgerEntry("renumbered", UNCONFIRMED, number, last),)

    def _follows_pending(self, number: int, last: int) -> bool:
        pending = self._shared.get(self._pending, number)
        if self._shared.get(self._pending_after) != last or not pending < number <= pending + JUMP:
            return False
        return pending > last or number <= last  # what is ahead again does not begin again

    def _confirm(self, number: int, traded_at: int, *, last: int, cause: str) -> Entries:
        """Go on from the number that did not follow, since this one follows it."""
        pending = self._shared[self._pending]
        entries = []
        if pending > last:
            entries.append(self._gap(last + 1, pending - 1, cause))
        else:
            entries.append(LedgerEntry("renumbered", BEGINS_AGAIN, pending, last))
            newest = self._shared.pop(self.newest_key, traded_at)
            self._before.end(self._shared.get(self._start, last), last, newest)
            self._shared[self._start] = pending
            for hole, before in zip(self._holes, self._holes_before, strict=True):
                hole.move_to(before)
        if number > pending + 1:
            entries.append(self._gap(pending + 1, number - 1, cause))
        return self._advance(number, traded_at, *entries)

    def _gap(self, first: int, last: int, cause: str) -> LedgerEntry:
        self._open_hole(first, last, gap=(first, last))
        return LedgerEntry("gap", cause, first, last)

    def _open_hole(self, first: int, last: int, *, gap: tuple[int, int]) -> None:
        """Remember a hole of a gap; where there are too many, in place of another.

        What comes late of a forgotten hole is published, whether it is a repeat or not; the gap is
        left to healing.
        """
        free = next((hole for hole in self._holes if hole.gap is None), None)
        if free is not None:
            free.open(first, last, gap=gap)
            return
        index = self._shared.get(self._next_hole, 0)
        self._shared[self._next_hole] = (index + 1) % OPEN_HOLES
        forgotten = self._holes[index]
        if (forgotten_gap := forgotten.gap) is not None:
            start = self._shared.get(self._start, 0)
            self._shared[self._start] = max(start, forgotten.span[1] + 1)
            for hole in self._holes:
                if hole.gap == forgotten_gap:
                    hole.open(*hole.span, gap=hole.span)
        forgotten.open(first, last, gap=gap)

    def _fill(self, hole: "_Hole", number: int, traded_at: int) -> Entries:
        """A number that was reported missing no longer is; what of its hole still is."""
        first, last = hole.span
        gap = hole.gap or hole.span
        if self._shared[self._key] - number < TIMED_NUMBERS:
            self._shared[self._times[number % TIMED_NUMBERS]] = traded_at
        hole.close()
        for begin, end in ((first, number - 1), (number + 1, last)):
            if begin <= end:
                self._open_hole(begin, end, gap=gap)
        if any(other.gap == gap for other in self._holes):
            return ()
        entries = self._close_filled_gap()
        newest = max(traded_at, self._shared.get(self.newest_key, traded_at))
        self._shared |= {
            self.filled_key: gap[0],
            self._filled_last: gap[1],
            self._filled_at: newest,
        }
        return entries

    def _close_filled_gap(self) -> Entries:
        """The entry of the gap that is filled, if one is."""
        if self.filled_key not in self._shared:
            return ()
        del self._shared[self._filled_at]
        first, last = self._shared.pop(self.filled_key), self._shared.pop(self._filled_last)
        return (LedgerEntry("healed", ARRIVED_LATE, first, last),)


class _Hole:
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

    def move_to(self, other: "_Hole") -> None:
        """Close the hole; if it was open, the other one is what it was."""
        other.close()
        if (gap := self.gap) is not None:
            other.open(*self.span, gap=gap)
            self.close()

    def close(self) -> None:
        """Forget the hole."""
        for key in self._keys:
            self._shared.pop(key, None)


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
