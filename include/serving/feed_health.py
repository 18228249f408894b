"""The rows of Postgres feed_health, from the feed ledger of the lake and from what lands."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from typing import Any, NamedTuple

from include.lake.reading import connect, open_table
from include.market.feed_entries import FeedEntry
from include.market.feed_states import FeedStates
from include.market.time import from_epoch_us

LEDGER = "feed_ledger"
ROWS_AT_ONCE = 10_000
ENTRIES = """
SELECT "partition", "offset", event_index, venue, symbol, conn, entry, cause, first_seq, last_seq,
    epoch_us(received_time), epoch_us(kafka_time)
FROM feed_ledger WHERE event_index >= 0 ORDER BY "partition", "offset", event_index
"""


class LandedEntry(NamedTuple):
    """An entry of the feed ledger, with the record that it landed from."""

    partition: int
    offset: int
    event_index: int
    entry: FeedEntry


def land_entry(landed_values: Sequence[Any]) -> LandedEntry:
    """The entry of a row: partition, offset and index, and then the fields of `FeedEntry`."""
    partition, offset, event_index, *entry = landed_values
    return LandedEntry(partition, offset, event_index, FeedEntry(*entry))


class LandedStates:
    """The states of all feeds by the entries that have landed, each of which counts once."""

    def __init__(self, lake: str) -> None:
        """Begin with what the lake has.

        Raises:
            UnreadableTable: the table is damaged.
        """
        self._states = FeedStates()
        self._newest: dict[int, tuple[int, int]] = {}  # offset and index, by partition
        self.take(_read_entries(lake))

    @property
    def venues(self) -> list[str]:
        """Every venue that has an entry, in order."""
        return self._states.venues

    def take(self, landed_entries: Iterable[LandedEntry]) -> set[str]:
        """Take entries in, in the order of their offsets; gives the venues of the new ones."""
        venues = set()
        for partition, offset, event_index, entry in landed_entries:
            if (offset, event_index) > self._newest.get(partition, (-1, -1)):
                self._newest[partition] = offset, event_index
                self._states.take(entry)
                venues.add(entry.venue)
        return venues

    def list_rows(self, venues: Sequence[str]) -> list[dict[str, Any]]:
        """The rows of feed_health of these venues."""
        states = {venue: self._states.state_of(venue) for venue in venues}
        return [
            {
                "venue": venue,
                "state": state.state,
                "since": from_epoch_us(state.since_us),
                "cause": state.cause,
            }
            for venue, state in states.items()
            if state is not None
        ]


def _read_entries(lake: str) -> Iterator[LandedEntry]:
    """Every entry of the lake, in order, some thousands at a time."""
    if open_table(lake, LEDGER) is None:
        return
    with closing(connect(lake, [LEDGER])) as connection:
        result = connection.execute(ENTRIES)
        while rows := result.fetchmany(ROWS_AT_ONCE):
            yield from map(land_entry, rows)
