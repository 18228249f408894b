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
from include.market.time import MINUTE_US
from include.market.venues import BEGINS_AGAIN
from streaming.feeds.published_trades import EarlierCount, RecentIds, TradeTimes
from streaming.feeds.trade_holes import TradeHole

NEAR = 500  # numbers by which one of two live connections may be behind the other
FAR_BEHIND = 100_000  # the same, of a trade that is older than the newest
JUMP = 1_000_000  # a larger hole in contiguous numbers needs a second trade to confirm it
ID_JUMP = 10**12  # a larger step of ids that rise with holes is reported
UNCONFIRMED = "unconfirmed"
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
        self._holes = [TradeHole(shared, f"{key}|hole {n}") for n in range(OPEN_HOLES)]
        self._holes_before = [
            TradeHole(shared, f"{key}|hole before {n}") for n in range(OPEN_HOLES)
        ]
        self._next_hole = f"{key}|next hole"
        self._below = f"{key}|below"  # what lies between this number and the start was reported
        self.times = TradeTimes(shared, key)
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
        is_another = self.times.find(number) not in (None, traded_at)
        if not (is_missing or is_another) and self._before.covers(number, traded_at):
            return None
        if self._before.is_newer_than(number, traded_at):
            return (*self._extend_before(number, cause=cause), *self._take_late(number, traded_at))
        return self._take_apart(number, traded_at, last=last, cause=cause)

    def _take_apart(self, number: int, traded_at: int, *, last: int, cause: str) -> Entries | None:
        """The entries of a number that does not follow, and was not published apart."""
        if number <= last:
            hole = next((hole for hole in self._holes if number in hole), None)
            if hole is None and self._is_repeated(number, traded_at, last):
                return None
            is_late = traded_at < self._shared.get(self.newest_key, traded_at)
            if hole is not None and not self._may_be_late(hole, traded_at):
                hole = None
            if hole is not None or is_late:
                return self._take_behind(number, traded_at, hole, is_late=is_late, cause=cause)
        if self._follows_pending(number, last):
            return self._confirm(number, traded_at, last=last, cause=cause)
        if 0 < number - last <= JUMP:
            return self._advance(number, traded_at, self._gap(last + 1, number - 1, cause))
        return self._wait_for_next(number, traded_at, last)

    def _take_behind(
        self, number: int, traded_at: int, hole: TradeHole | None, *, is_late: bool, cause: str
    ) -> Entries:
        """The entries of a number that an older connection brings; `hole` is one it may fill."""
        next_known = number if hole is None else hole.span[1] + 1
        if is_late and self._is_of_another_count(next_known, traded_at):
            entries = self._report_another_count(number, traded_at)
        elif hole is not None:
            return self._fill(hole, number, traded_at)
        else:
            entries = self._begin_earlier(number, traded_at, cause=cause)
        return (*entries, *self._take_late(number, traded_at))

    def _begin_earlier(self, number: int, traded_at: int, *, cause: str) -> Entries:
        """Begin with a number that came late; the gap to the one that was taken for the first."""
        start = self._shared.get(self._start, number)
        if number >= min(start, self._shared.get(self._below, start)):
            return ()
        if self._is_of_another_count(start, traded_at):
            return self._report_another_count(number, traded_at)
        if start - number > NEAR:  # rather of an earlier count, of which nothing is known
            self._shared[self._below] = number
            return (LedgerEntry("jump", UNCONFIRMED, number + 1, start - 1),)
        self._shared[self._start] = number
        return (self._gap(number + 1, start - 1, cause),) if start - number > 1 else ()

    def _is_of_another_count(self, number: int, traded_at: int) -> bool:
        """Whether a number that lies not below a trade's was published of an earlier trade."""
        known_at = self.times.find(number)
        return known_at is not None and known_at < traded_at

    def _report_another_count(self, number: int, traded_at: int) -> Entries:
        """One entry, for a minute: which numbers between this and the last lack is not known."""
        last = self._shared[self._key]
        keys = (f"{self._key}|again", f"{self._key}|again last", f"{self._key}|again at")
        if keys[0] in self._shared:
            first, reported_last, at = (self._shared[key] for key in keys)
            if first <= number <= reported_last and 0 <= traded_at - at <= MINUTE_US:
                return ()
        self._shared.update(zip(keys, (number, last, traded_at), strict=True))
        return (LedgerEntry("renumbered", UNCONFIRMED, number, last),)

    def _extend_before(self, number: int, *, cause: str) -> Entries:
        """Count a late number to the count before; what lacks between the two is reported."""
        lacking = self._before.lacking_until(number)
        if lacking is None:
            return ()
        first, last = lacking
        free = next((hole for hole in self._holes_before if hole.gap is None), None)
        if last - first >= JUMP or free is None:
            return (LedgerEntry("jump", UNCONFIRMED, first, last),)
        self._before.extend(number)
        if first > last:
            return ()
        free.open(first, last, gap=lacking)
        return (LedgerEntry("gap", cause, first, last),)

    def _take_late(self, number: int, traded_at: int) -> Entries:
        """What came too late to be of the sequence is published, and changes nothing."""
        self._remember(number, traded_at)
        self._apart.add(number, traded_at)
        return ()

    def _advance(self, number: int, traded_at: int, *entries: LedgerEntry) -> Entries:
        self._shared[self._key] = number
        self._remember(number, traded_at)
        self._shared[self.newest_key] = max(traded_at, self._shared.get(self.newest_key, traded_at))
        return entries

    def _remember(self, number: int, traded_at: int) -> None:
        """When the trade of a number was made; also of the one that had the number before."""
        replaced_at = self.times.find(number)
        if replaced_at is not None and replaced_at != traded_at:
            self._apart.add(number, replaced_at)
        self.times.add(number, traded_at)

    def _may_be_late(self, hole: TradeHole, traded_at: int) -> bool:
        """Whether an older connection brings a number of the hole, and not the venue a new one."""
        first, last = hole.gap or hole.span
        return traded_at <= self._shared.get(self.newest_key, traded_at) and last - first <= JUMP

    def _is_repeated(self, number: int, traded_at: int, last: int) -> bool:
        known_at = self.times.find(number)
        if known_at is not None:  # another time: the venue had begun again
            return known_at == traded_at
        newest = self._shared.get(self.newest_key, traded_at)
        if traded_at > newest:
            return False
        start = self._shared.get(self._start, last)
        near = NEAR if traded_at == newest else FAR_BEHIND
        spans = [hole.span for hole in self._holes if hole.gap is not None]
        missing = sum(end - begin + 1 for begin, end in spans if begin > number)
        return number == last or (start <= number and last - number - missing <= near)

    def _wait_for_next(self, number: int, traded_at: int, last: int) -> Entries:
        self._shared[self._pending], self._shared[self._pending_after] = number, last
        self._remember(number, traded_at)
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
            self._shared.pop(self._below, None)
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

    def _fill(self, hole: TradeHole, number: int, traded_at: int) -> Entries:
        """A number that was reported missing no longer is; what of its hole still is."""
        first, last = hole.span
        gap = hole.gap or hole.span
        self._remember(number, traded_at)
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
