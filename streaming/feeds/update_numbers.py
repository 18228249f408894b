"""Which whole pictures of a market are news: their update numbers rise, with holes. Pure.

A picture is best prices, or the best levels of a book: the newest one alone counts, so an older one
that comes late must not be published as the newest.
"""

from collections import deque
from dataclasses import dataclass, field

from include.market.events import LedgerEntry
from include.market.venues import BEGINS_AGAIN
from streaming.feeds.trade_sequence import ID_JUMP, NEAR, UNCONFIRMED, Entries

_MAX_BEHIND = 20  # pictures in a row that come late, or that another connection is ahead of
_RECENT = 64  # numbers of a connection remembered, to recognise repeats


@dataclass
class _Older:
    """What one connection brought of one symbol: its numbers, and the older ones in a row."""

    recent: deque[int] = field(default_factory=lambda: deque(maxlen=_RECENT))
    in_a_row: int = 0


class UpdateNumbers:
    """The update numbers of one connection; `last_ids` are shared with those beside it."""

    def __init__(self, last_ids: dict[str, int], kind: str) -> None:
        """`kind` names in the ledger what is numbered."""
        self._last_ids, self._kind = last_ids, kind
        self._here: dict[str, _Older] = {}

    def take(self, symbol: str, number: int, made_us: int | None = None) -> tuple[Entries, bool]:
        """The ledger entries that go before this picture, and whether it is news.

        `made_us` is the venue's time of it, in µs. An older number is at first reported only. The
        venue begins again if the next one follows it, where the numbers fell by much or the time
        did not, and after twenty in any case: late ones, and those of the other of two live
        connections, are fewer.
        """
        here, key = self._here.setdefault(symbol, _Older()), f"{symbol}|{self._kind}"
        newest = self._last_ids.get(key)
        if number in here.recent or number == newest:
            return (), False
        before = here.recent[-1] if here.recent else number
        here.recent.append(number)
        if newest is None or number > newest:
            self._advance(key, number, made_us, here)
            is_jump = newest is not None and number - newest > ID_JUMP
            return (self._entry("jump", UNCONFIRMED, number, newest),) if is_jump else (), True
        has_fallen, is_far = number < before, newest - number > NEAR
        here.in_a_row = 1 if has_fallen else here.in_a_row + 1
        if here.in_a_row > (1 if self._is_reset(key, made_us, is_far=is_far) else _MAX_BEHIND):
            self._advance(key, number, made_us, here)
            return (self._entry("renumbered", BEGINS_AGAIN, number, newest),), True
        is_reported = here.in_a_row == 1 and (has_fallen or is_far)
        entry = self._entry("renumbered", UNCONFIRMED, number, newest)
        return (entry,) if is_reported else (), False

    def _is_reset(self, key: str, made_us: int | None, *, is_far: bool) -> bool:
        """Whether an older number is more likely of a new count than late."""
        newest_us = self._last_ids.get(f"{key} at")
        if made_us is None or newest_us is None or made_us == newest_us:
            return is_far
        return made_us > newest_us

    def _advance(self, key: str, number: int, made_us: int | None, here: _Older) -> None:
        self._last_ids[key] = number
        if made_us is not None:
            self._last_ids[f"{key} at"] = made_us
        here.in_a_row = 0

    def _entry(self, entry: str, cause: str, number: int, newest: int | None) -> LedgerEntry:
        return LedgerEntry(entry, cause, detail=f"{self._kind} {number} after {newest}")
