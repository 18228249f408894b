"""How long messages have waited that no stamp dates: since the watcher saw their partition's end.

A topic of an old format has no stamps (-1), and a wrong clock stamps 2099. What lies below an end
that was seen an hour ago has waited for an hour, or longer.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from include.local.query_lag import QueryLag

MAX_ENDS = 1000  # of a partition; beyond it every second one is forgotten


class _SeenEnd(NamedTuple):
    offset: int
    at_s: float


class EndTimes:
    """Remembers when each partition's end lay where, as far as it is not read."""

    def __init__(self, *, max_ends: int = MAX_ENDS) -> None:
        self._max_ends = max_ends
        self._ends: dict[tuple[str, str, int], list[_SeenEnd]] = {}

    def date_lags(self, lags: Sequence[QueryLag], *, now_s: float) -> list[QueryLag]:
        """The lags; of a message without a usable stamp, at least how long it has waited."""
        return [lag if lag.behind is None else self._date(lag, lag.behind, now_s) for lag in lags]

    def _date(self, lag: QueryLag, behind: int, now_s: float) -> QueryLag:
        key = lag.query, lag.topic, lag.partition
        end = lag.next_offset + behind
        seen_ends = self._ends.get(key, [])
        if seen_ends and end < seen_ends[-1].offset:
            seen_ends = []  # another topic of that name
        if not seen_ends or end > seen_ends[-1].offset:
            seen_ends = [*seen_ends, _SeenEnd(end, now_s)]
        unread_ends = [past_end for past_end in seen_ends if past_end.offset > lag.next_offset]
        if len(unread_ends) > self._max_ends:
            unread_ends = unread_ends[::2]
        self._ends[key] = unread_ends
        if lag.waiting_s is not None or not unread_ends:
            return lag
        return replace(lag, waiting_s=round(max(0.0, now_s - unread_ends[0].at_s), 3))
