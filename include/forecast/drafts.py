"""Drafts: forecasts before they are published, each a CSV and its manifest, to be checked."""

import hashlib
import io
from collections.abc import Iterator, Mapping
from datetime import datetime

import msgspec
import pandas as pd

from include.atomic_files import write_file
from include.errors import ForecastError
from include.forecast import forecast_file
from include.forecast.manifest import JudgedHorizon, Manifest
from include.object_path import StorePath
from include.settings import Settings
from include.state_files import read_checked_file, write_checked_file

DRAFTS = "forecast_drafts"


def write_draft(
    settings: Settings, content: bytes, manifest: Manifest, *, pictures: Mapping[str, bytes]
) -> Manifest:
    """Write the draft; if the same forecast was published before, keep its `made_at`."""
    earlier = settings.forecasts_of(manifest.symbol) / manifest.forecast_id / forecast_file.MANIFEST
    stored = msgspec.Raw(earlier.read_bytes()) if earlier.exists() else manifest
    (settings.world_store / DRAFTS).mkdir(parents=True, exist_ok=True)
    write_file(path_of(settings, manifest.forecast_id, ".csv"), content)
    write_checked_file(path_of(settings, manifest.forecast_id, ".json"), stored)
    for name, picture in pictures.items():
        write_file(path_of(settings, manifest.forecast_id, f".{name}"), picture)
    return manifest_of(settings, manifest.forecast_id)


def keep_judgement(
    settings: Settings, manifest: Manifest, judged: tuple[JudgedHorizon, ...]
) -> None:
    """Write the gate's figures into a draft's manifest."""
    judged_manifest = msgspec.structs.replace(manifest, judged=judged)
    write_checked_file(path_of(settings, manifest.forecast_id, ".json"), judged_manifest)


def manifest_of(settings: Settings, forecast_id: str) -> Manifest:
    """A draft's manifest.

    Raises:
        ForecastError: there is no such draft.
        StateError: its manifest is damaged.
    """
    path = path_of(settings, forecast_id, ".json")
    manifest = read_checked_file(path, Manifest, or_unchecked=True)
    if manifest is None:
        raise ForecastError(f"there is no draft {forecast_id}")
    return manifest


def read_content(settings: Settings, forecast_id: str) -> bytes:
    """A draft's CSV, as it was written.

    Raises:
        ForecastError: there is no such draft, or its CSV is damaged.
    """
    manifest = manifest_of(settings, forecast_id)
    path = path_of(settings, forecast_id, ".csv")
    if not path.exists():
        raise ForecastError(f"there is no draft {forecast_id}")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != manifest.sha256:
        raise ForecastError(
            f"the draft {path} is damaged: its sha256 is not its manifest's; "
            "run publish_forecast again, which writes a new one"
        )
    return content


def load_draft(settings: Settings, forecast_id: str) -> pd.DataFrame:
    """A draft's rows (`ds` aware UTC, side, yhat, yhat_lower, yhat_upper).

    Raises:
        ForecastError: there is no such draft.
    """
    path = path_of(settings, forecast_id, ".csv")
    if not path.exists():
        raise ForecastError(f"there is no draft {forecast_id}")
    draft_df = pd.read_csv(io.BytesIO(path.read_bytes()))
    draft_df["ds"] = pd.to_datetime(draft_df["ds"], format=forecast_file.DS_FORMAT, utc=True)
    return draft_df


def path_of(settings: Settings, forecast_id: str, ending: str) -> StorePath:
    """Where a draft's `.csv`, `.json` or picture is."""
    return settings.world_store / DRAFTS / f"{forecast_id}{ending}"


def rows_of(draft_df: pd.DataFrame) -> Iterator[tuple[datetime, float, float, float]]:
    """Rows (ds, yhat, lower, upper) as plain Python values."""
    times = [at.to_pydatetime() for at in draft_df["ds"]]
    levels = (draft_df[name].tolist() for name in ("yhat", "yhat_lower", "yhat_upper"))
    yield from zip(times, *levels, strict=True)
