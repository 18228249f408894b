"""The minutes that readers must hold by the landed trades; days that were sealed are not counted.

A seal has a digest of each day's minutes, counted from the trades below its offsets. As long as
those trades are as they were sealed, a day without a newer trade is compared by its digest alone.
"""

from collections.abc import Mapping, Set
from datetime import UTC, date, datetime, time, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from include.lake.audit.digests import Digest, hash_of_row
from include.lake.audit.seals import SealedMinutes
from include.lake.file_selection import join_steps
from include.lake.floors import whole_minutes_from
from include.lake.minutes import no_minutes
from include.lake.reading import connect
from include.lake.recounted_minutes import (
    list_traded_days,
    minutes_before,
    minutes_between,
    move_minutes,
)
from include.lake.tables import TRADE_MINUTES

# `complete` comes from the feed ledger, which goes on after the minute was written.
COMPARED = tuple(c.name for c in TRADE_MINUTES.columns if c.name not in {"vwap", "complete"})
DIGESTS = """
WITH hashed AS (SELECT CAST(minute AS DATE) AS day, {row_hash} AS digest FROM minutes)
SELECT day, count(*), (sum(digest) % 18446744073709551616)::UBIGINT, bit_xor(digest)
FROM hashed GROUP BY day
"""


class LandedMinutes:
    """The minutes by the landed trades, for one reader after another; each is counted once.

    Readers are at other offsets: for the second, the trades between are counted again. Days that
    are as they were `sealed` are not counted at all.
    """

    def __init__(self, lake: str, sealed: SealedMinutes | None = None) -> None:
        self.lake = lake
        self._sealed = sealed
        self._minutes: pa.Table | None = None
        self._days: Set[date] = set()  # of which there are minutes, where something is sealed
        self._offsets: dict[int, int] = {}

    def compared_with(
        self, reader_minutes: pa.Table, offsets: Mapping[int, int], *, since_at: datetime
    ) -> tuple[pa.Table, pa.Table]:
        """A reader's minutes from `since_at` on and those that it must hold, as far as to compare.

        Days that are as they were sealed are left out of both.
        """
        compared = _filter_since(reader_minutes, since_at)
        if self._sealed is None:
            return compared, _filter_since(self.minutes_at(offsets), since_at)
        digests, sealed_digests = digest_days(compared), dict(self._sealed.days)
        days = list_traded_days(self.lake, self._sealed.offsets, offsets)
        days |= {
            day
            for day in {*digests, *sealed_digests}
            if digests.get(day) != sealed_digests.get(day)
        }
        days = {day for day in days if day >= since_at.date()}
        due_minutes = _filter_days(self.minutes_at(offsets, days), days)
        return _filter_days(compared, days), _filter_since(due_minutes, since_at)

    def minutes_at(self, offsets: Mapping[int, int], days: Set[date] | None = None) -> pa.Table:
        """The minutes from the trades below these next offsets of market.trades by partition.

        Those of `days` (UTC) at the fewest; of all days without them.
        """
        moved_minutes = None if self._minutes is None else self._move(self._minutes, offsets)
        if days is None:
            self._minutes = (
                minutes_before(self.lake, offsets) if moved_minutes is None else moved_minutes
            )
        else:
            counted = [] if moved_minutes is None else [_filter_days(moved_minutes, self._days)]
            starts = [datetime.combine(day, time(), UTC) for day in sorted(days - self._days)]
            for first, end in join_steps(starts, timedelta(days=1)):
                counted.append(minutes_between(self.lake, first, end, offsets=offsets))
            self._minutes = pa.concat_tables(counted) if counted else no_minutes()
            self._days = self._days | days
        self._offsets = dict(offsets)
        return self._minutes

    def seal_at(self, offsets: Mapping[int, int]) -> SealedMinutes | None:
        """What every day comes to from the trades below these offsets; null if none was counted."""
        if self._minutes is None:
            return self._sealed
        if self._sealed is None:
            digests = digest_days(self.minutes_at(offsets))
        else:
            days = self._days | list_traded_days(self.lake, self._sealed.offsets, offsets)
            counted = digest_days(_filter_days(self.minutes_at(offsets, days), days))
            digests = {day: sum_ for day, sum_ in self._sealed.days if day not in days} | counted
        since_at = whole_minutes_from(self.lake).date()
        days_sealed = sorted((day, digest) for day, digest in digests.items() if day >= since_at)
        return SealedMinutes(dict(offsets), days_sealed)

    def _move(self, minute_rows: pa.Table, offsets: Mapping[int, int]) -> pa.Table:
        return move_minutes(self.lake, minute_rows, old_offsets=self._offsets, offsets=offsets)


def digest_days(minute_rows: pa.Table) -> dict[date, Digest]:
    """The digest of each day's minutes (UTC), of all columns that are compared."""
    statement = DIGESTS.format(row_hash=hash_of_row(TRADE_MINUTES, set(COMPARED)))
    with connect("", ()) as connection:
        connection.register("minutes", minute_rows.select(COMPARED))
        return {day: Digest(*sums) for day, *sums in connection.execute(statement).fetchall()}


def _filter_since(minute_rows: pa.Table, since_at: datetime) -> pa.Table:
    return minute_rows.filter(pc.field("minute") >= since_at)


def _filter_days(minute_rows: pa.Table, days: Set[date]) -> pa.Table:
    of_days = pc.is_in(
        pc.cast(minute_rows["minute"], pa.date32()), value_set=pa.array(sorted(days), pa.date32())
    )
    return minute_rows.filter(of_days)
