"""The published forecast: a CSV with its manifest in a folder of its own, and a pointer to it.

A folder is complete before it gets its name, and the pointer `CURRENT` is switched last, so a
reader sees the old forecast or the new one, whole, whatever is killed on the way. Times are UTC.
"""

import csv
import hashlib
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from include.atomic_files import (
    PARTIAL,
    delete_folder,
    remove_folder,
    rename_damaged,
    write_folder,
)
from include.clock import utc_now
from include.errors import ForecastError
from include.forecast.manifest import Manifest
from include.forecast.publications import record_publication
from include.market.predicted_move import FORECAST_SIDES, ForecastSide
from include.market.time import MINUTE_US, to_epoch_us
from include.object_path import ObjectPath, StorePath
from include.state_files import write_state_file

CURRENT, MANIFEST, CSV_FILE = "CURRENT", "manifest.json", "forecast.csv"
UNREADABLE = "?"  # in the id of a damaged pointer: a name that no forecast has
MANIFEST_SHA256 = f"{MANIFEST}.sha256"  # as sha256sum writes it; of schema 4 on
HEADER = ["ds", "side", "yhat", "yhat_lower", "yhat_upper"]
DS_FORMAT = "%Y-%m-%d %H:%M:%S"
_SIDES: dict[str, ForecastSide] = {str(side): side for side in FORECAST_SIDES}


@dataclass(frozen=True)
class ForecastMinute:
    """The forecast of one minute: the side of the move into it, its close with 80 % bounds."""

    side: ForecastSide
    yhat: float
    yhat_lower: float
    yhat_upper: float


@dataclass(frozen=True)
class ForecastFile:
    """A published forecast in memory: one point a minute from `manifest.first_ds` on."""

    manifest: Manifest
    points: tuple[ForecastMinute, ...]

    def point_at(self, minute_us: int) -> ForecastMinute | None:
        """The point of the minute that holds this time (µs since 1970), none outside the span."""
        index = (minute_us - to_epoch_us(self.manifest.first_ds)) // MINUTE_US
        return self.points[index] if 0 <= index < len(self.points) else None

    def level_at(self, minute_us: int) -> float | None:
        """The predicted price of that minute; of the last minute of training its close."""
        if minute_us // MINUTE_US == to_epoch_us(self.manifest.trained_until) // MINUTE_US:
            return self.manifest.last_price or None
        point = self.point_at(minute_us)
        return point.yhat if point else None

    def side_at(self, minute_us: int) -> ForecastSide | None:
        """The side of the move into the minute that holds this time, none outside the span."""
        point = self.point_at(minute_us)
        return point.side if point else None

    def bounds_at(self, minute_us: int) -> tuple[float, float] | None:
        """The 80 % bounds of the minute that holds this time, none outside the span."""
        point = self.point_at(minute_us)
        return (point.yhat_lower, point.yhat_upper) if point else None


def render(forecast_rows: Iterable[tuple[datetime, str, float, float, float]]) -> bytes:
    """The CSV of (ds, side, yhat, lower, upper); numbers round-trip exactly."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows(
        (ds.strftime(DS_FORMAT), side, repr(yhat), repr(lower), repr(upper))
        for ds, side, yhat, lower, upper in forecast_rows
    )
    return text.getvalue().encode()


def publish(
    folder: StorePath,
    *,
    content: bytes,
    manifest: Manifest,
    keep: int,
    extras: Mapping[str, bytes] | None = None,
    published_at: datetime | None = None,
) -> Manifest:
    """Put a forecast in place and point to it; publishing the same again changes nothing.

    `extras` are further files of the folder, by name; it is in use from `published_at` on,
    else from when it was made. Returns the manifest that is now current (the
    earlier one, if the same was published before).
    """
    folder.mkdir(parents=True, exist_ok=True)
    for left_over in folder.glob(f"{PARTIAL}*"):
        delete_folder(left_over)
    target = folder / manifest.forecast_id
    if target.exists() and not _is_whole(target):
        rename_damaged(target)
    if not target.exists():
        manifest_text = msgspec.json.format(msgspec.json.encode(manifest))
        checksum = f"{hashlib.sha256(manifest_text).hexdigest()}  {MANIFEST}\n".encode()
        files = {CSV_FILE: content, **(extras or {}), MANIFEST_SHA256: checksum}
        write_folder(target, files | {MANIFEST: manifest_text})
    point_to(folder, manifest.forecast_id, published_at=published_at or manifest.made_at)
    _prune(folder, keep)
    return read(target).manifest


def point_to(folder: StorePath, forecast_id: str, *, published_at: datetime | None = None) -> None:
    """Make a published forecast the current one from `published_at` (else now) on.

    The pointer is renamed, or put conditionally.

    Raises:
        ForecastError: there is no such forecast, it is damaged, or another publication has moved
            the pointer in between.
    """
    _move_pointer(folder, forecast_id)
    record_publication(folder, forecast_id, published_at=published_at or utc_now())


def _move_pointer(folder: StorePath, forecast_id: str) -> None:
    pointer, text = folder / CURRENT, f"{forecast_id}\n".encode()
    if not isinstance(pointer, ObjectPath):
        read(folder / forecast_id)
        write_state_file(pointer, text)
        return
    version = pointer.version()
    read(folder / forecast_id)
    try:
        pointer.replace_version(text, version)
    except FileExistsError as error:
        if current_id(folder) != forecast_id:
            raise ForecastError(
                f"another publication has moved {pointer} in between: publish again"
            ) from error


def rollback(folder: StorePath) -> Manifest:
    """Go back to the forecast made before the current one.

    Raises:
        ForecastError: there is none.
    """
    current = load_current(folder).manifest
    older_manifests = [
        manifest for manifest in published_manifests(folder) if manifest.made_at < current.made_at
    ]
    if not older_manifests:
        raise ForecastError(f"there is no forecast older than {current.forecast_id}")
    point_to(folder, older_manifests[0].forecast_id)
    return older_manifests[0]


def published_manifests(folder: StorePath) -> list[Manifest]:
    """The manifests of all published forecasts, newest first."""
    manifests = []
    for path in folder.glob(f"*/{MANIFEST}"):
        if path.parent.name.startswith(PARTIAL):
            continue
        try:
            manifests.append(read_manifest(path.parent))
        except ForecastError:
            if path.exists():  # else it was pruned just now
                raise
    return sorted(
        manifests, key=lambda manifest: (manifest.made_at, manifest.forecast_id), reverse=True
    )


def current_id(folder: StorePath) -> str | None:
    """The id of the current forecast, none if nothing was published: cheap enough to poll."""
    try:
        text = (folder / CURRENT).read_text(errors="replace")
    except FileNotFoundError:
        return None
    except OSError:  # a folder in its place
        return UNREADABLE
    return text.strip().replace("\0", UNREADABLE)


def current_manifest(folder: StorePath) -> Manifest | None:
    """The manifest of the current forecast, without a look at its file; null: none is published.

    Raises:
        ForecastError: its manifest cannot be read.
    """
    forecast_id = current_id(folder)
    return None if forecast_id is None else read_manifest(folder / forecast_id)


def load_current(folder: StorePath) -> ForecastFile:
    """The current forecast, checked against its manifest.

    Raises:
        ForecastError: nothing is published, or the current one is damaged or invalid.
    """
    forecast_id = current_id(folder)
    if forecast_id is None:
        raise ForecastError(f"no forecast is published in {folder.name}/")
    try:
        return read(folder / forecast_id)
    except ForecastError as error:
        if UNREADABLE in forecast_id:
            raise ForecastError(f"the pointer {folder / CURRENT} cannot be read") from error
        newer_id = current_id(folder)  # it may have been pruned between the two reads
        if newer_id is None or newer_id == forecast_id:
            raise
        return read(folder / newer_id)


def read_manifest(folder: StorePath) -> Manifest:
    """The manifest of the forecast in a folder, without a look at its file.

    Raises:
        ForecastError: it cannot be read, or is another than was published.
    """
    try:
        content = (folder / MANIFEST).read_bytes()
        manifest = msgspec.json.decode(content, type=Manifest)
        checksum = folder / MANIFEST_SHA256
        sha256 = checksum.read_text(errors="replace")[:64] if checksum.exists() else None
    except (OSError, msgspec.MsgspecError) as error:
        raise ForecastError(f"forecast {folder.name} has no readable manifest") from error
    if sha256 not in (None, hashlib.sha256(content).hexdigest()):
        raise ForecastError(f"forecast {folder.name} is damaged: its manifest has another sha256")
    return manifest


def read(folder: StorePath) -> ForecastFile:
    """The forecast in a folder, checked against its manifest.

    Raises:
        ForecastError: it is damaged or invalid.
    """
    manifest = read_manifest(folder)
    try:
        content = (folder / CSV_FILE).read_bytes()
    except OSError as error:
        raise ForecastError(f"forecast {folder.name} has no readable {CSV_FILE}") from error
    if hashlib.sha256(content).hexdigest() != manifest.sha256:
        raise ForecastError(f"forecast {folder.name} is damaged: its sha256 is not the manifest's")
    return ForecastFile(manifest, _parse_points(content, manifest))


def _parse_points(content: bytes, manifest: Manifest) -> tuple[ForecastMinute, ...]:
    rows = list(csv.reader(io.StringIO(content.decode())))
    if rows[:1] != [HEADER] or len(rows) - 1 != manifest.rows or not manifest.rows:
        raise ForecastError(
            f"forecast {manifest.forecast_id} does not have the number of rows of its manifest"
        )
    try:
        points = tuple(
            ForecastMinute(_SIDES[side], float(yhat), float(low), float(high))
            for _, side, yhat, low, high in rows[1:]
        )
        ends = [_parse_time(rows[1][0]), _parse_time(rows[-1][0])]
    except KeyError as error:
        raise ForecastError(
            f"forecast {manifest.forecast_id} has a side that is not buy, sell or hold: {error}"
        ) from error
    except ValueError as error:
        raise ForecastError(f"forecast {manifest.forecast_id} holds a bad row: {error}") from error
    span = to_epoch_us(manifest.last_ds) - to_epoch_us(manifest.first_ds)
    if ends != [manifest.first_ds, manifest.last_ds] or span != (manifest.rows - 1) * MINUTE_US:
        raise ForecastError(f"forecast {manifest.forecast_id} is not one row a minute of its span")
    return points


def _is_whole(folder: StorePath) -> bool:
    try:
        read(folder)
    except ForecastError:
        return False
    return True


def _prune(folder: StorePath, keep: int) -> None:
    current = current_id(folder)
    for manifest in published_manifests(folder)[keep:]:
        if manifest.forecast_id != current:
            remove_folder(folder / manifest.forecast_id)


def _parse_time(text: str) -> datetime:
    return datetime.strptime(text, DS_FORMAT).replace(tzinfo=UTC)
