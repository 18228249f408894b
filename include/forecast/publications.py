"""When each forecast came into use: a row a move of the pointer, rollbacks too, beside it.

So that what is rehearsed later uses at each moment the forecast that was in use then: never a
draft, one published later, or one that a rollback had taken out of use.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from include.errors import StateError
from include.market.time import to_epoch_us
from include.object_path import StorePath
from include.settings import Settings
from include.state_files import move_aside, read_checked_file, write_checked_file

PUBLICATIONS = "publications.json"


class Publication(NamedTuple):
    """From `at_us` (µs since the epoch) on the forecast was in use."""

    at_us: int
    forecast_id: str


def record_publication(folder: StorePath, forecast_id: str, *, published_at: datetime) -> None:
    """Keep that a symbol's folder points to a forecast since then; its newest is not repeated.

    A damaged record is moved aside, and another begun.
    """
    try:
        publications = read_publications(folder)
    except StateError:
        move_aside(folder / PUBLICATIONS)
        publications = []
    if not publications or publications[-1].forecast_id != forecast_id:
        publications.append(Publication(to_epoch_us(published_at), forecast_id))
        write_checked_file(folder / PUBLICATIONS, publications)


def read_publications(folder: StorePath) -> list[Publication]:
    """All of a symbol's folder, in their order; none where an older version published.

    Raises:
        StateError: the record is damaged.
    """
    return read_checked_file(folder / PUBLICATIONS, list[Publication]) or []


class PublicationLog:
    """Which forecasts of a symbol were published up to a moment."""

    def __init__(self, publications: Iterable[Publication]) -> None:
        """Of all publications, in any order."""
        self._publications = sorted(publications)
        self.forecast_ids = frozenset(row.forecast_id for row in self._publications)

    def published_until(self, moment_us: int) -> Iterator[str]:
        """The ids published up to a moment, the newest first; of two at one time both."""
        number = bisect_right(
            self._publications, moment_us, key=lambda publication: publication.at_us
        )
        return (row.forecast_id for row in reversed(self._publications[:number]))


def read_log(folder: StorePath) -> PublicationLog:
    """Those of a symbol's folder.

    Raises:
        StateError: the record is damaged.
    """
    return PublicationLog(read_publications(folder))


def find_published(settings: Settings, forecast_id: str) -> StorePath:
    """The folder of a published forecast, of whichever symbol; where the main one's would be."""
    folders = [settings.forecasts_of(symbol) for symbol in settings.forecast.all_symbols]
    holding = [folder for folder in folders if (folder / forecast_id).exists()]
    return (holding or folders)[0] / forecast_id
