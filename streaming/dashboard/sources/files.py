"""The thread that reads the files of the world's folder for all viewers."""

import threading
from collections.abc import Callable
from typing import TypeVar

import pyarrow as pa

from include.errors import ForecastError, StateError, UnreadableTable
from include.forecast.forecast_file import current_manifest
from include.forecast.manifest import Manifest
from include.lake.reading import open_table
from include.local.status import last_audit
from include.serving.stream_progress import read_progress
from include.settings import Settings
from streaming.dashboard.state import DashboardState, FilesSnapshot

T = TypeVar("T")
EVERY_S = 5.0


def poll_files(settings: Settings, state: DashboardState, stop: threading.Event) -> None:
    """Read the files every few seconds until `stop`."""
    while not stop.is_set():
        state.files = read_files(settings)
        stop.wait(EVERY_S)


def read_files(settings: Settings) -> FilesSnapshot:
    """Read the files; one that is missing or half-written counts as absent."""
    return FilesSnapshot(
        stream=read_progress(settings),
        audit=_if_readable(lambda: last_audit(settings)),
        manifests=_read_manifests(settings),
        quarantined=_count_quarantined(settings),
    )


def _if_readable(read: Callable[[], T]) -> T | None:
    try:
        return read()
    except (OSError, StateError):
        return None


def _read_manifests(settings: Settings) -> dict[str, Manifest]:
    """The manifest of each symbol's current forecast."""
    manifests = {}
    for symbol in settings.forecast.all_symbols:
        try:
            manifest = current_manifest(settings.forecasts_of(symbol))
        except (OSError, ForecastError):
            continue
        if manifest is not None:
            manifests[symbol] = manifest
    return manifests


def _count_quarantined(settings: Settings) -> int | None:
    try:
        table = open_table(settings.lake, "quarantine")
        counts = pa.table(table.get_add_actions(flatten=True))["num_records"] if table else None
        return sum(counts.to_pylist()) if counts is not None else None
    except (OSError, UnreadableTable):
        return None
