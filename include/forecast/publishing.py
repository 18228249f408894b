"""From a kept model to a published forecast: a draft, then rows in the tables, then the file."""

import hashlib
import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd
import pyarrow as pa

from include.errors import ForecastError
from include.forecast import forecast_file, model, training
from include.forecast.forecast_file import Manifest
from include.lake.tables import FORECASTS
from include.lake.writing import arrow_schema, replace_rows
from include.settings import Settings

MINUTE = timedelta(minutes=1)
SERVED_MINUTES = 10_080
DRAFTS = "forecast_drafts"


def draft(settings: Settings, *, name: str, horizon_minutes: int, now: datetime) -> Manifest:
    """Forecast the minutes after a model's training and lay them down as a draft to be looked at.

    Raises:
        ForecastError: no such model, a horizon below a minute, or a model that explodes.
    """
    if horizon_minutes < 1:
        raise ForecastError(f"horizon_minutes {horizon_minutes} is less than a minute")
    record = training.record_of(settings, name)
    start = record.trained_until + MINUTE
    # one minute more, so that the last one has a next change too
    made = model.predict(
        training.load_model(settings, name), start=start, minutes=horizon_minutes + 1
    )
    content = forecast_file.render(_sided(made))
    digest = hashlib.sha256(content).hexdigest()
    manifest = Manifest(
        forecast_id=f"{record.symbol}-{record.trained_until:%Y%m%dT%H%M}-{digest[:8]}",
        symbol=record.symbol, world=settings.world, sha256=digest, rows=horizon_minutes,
        first_ds=start, last_ds=start + MINUTE * (horizon_minutes - 1),
        trained_until=record.trained_until, made_at=now, model=record.model,
        fitted_by=record.fitted_by, versions=record.versions, metrics=record.metrics,
    )  # fmt: skip
    return _keep_draft(settings, content, manifest)


def draft_frame(settings: Settings, forecast_id: str) -> pd.DataFrame:
    """A draft's rows (`ds` aware UTC, side, yhat, yhat_lower, yhat_upper)."""
    path = _draft(settings, forecast_id, ".csv")
    if not path.exists():
        raise ForecastError(f"there is no draft {forecast_id}")
    frame = pd.read_csv(path)
    frame["ds"] = pd.to_datetime(frame["ds"], format=forecast_file.DS_FORMAT, utc=True)
    return frame


def land_rows(settings: Settings, forecast_id: str) -> int:
    """Write a draft's rows to Delta `forecasts` and, the first week, to Postgres; give their count.

    Repeating it changes nothing.
    """
    from include.serving.tables import create_tables, upsert  # noqa: PLC0415 - needs psycopg2

    manifest, frame = _manifest(settings, forecast_id), draft_frame(settings, forecast_id)
    rows = frame.assign(
        forecast_id=forecast_id, symbol=manifest.symbol, trained_until=manifest.trained_until
    )
    table = pa.Table.from_pandas(rows, schema=arrow_schema(FORECASTS), preserve_index=False)
    replace_rows(settings.lake, FORECASTS, table, forecast_id=forecast_id)
    create_tables(settings.dsn())
    upsert(settings.dsn(), "forecast_points", _served(frame.head(SERVED_MINUTES), manifest))
    return len(frame)


def publish_draft(settings: Settings, forecast_id: str) -> Manifest:
    """Publish a draft as the current forecast file and clear the drafts away."""
    published = forecast_file.publish(
        settings.forecasts,
        content=_draft(settings, forecast_id, ".csv").read_bytes(),
        manifest=_manifest(settings, forecast_id),
        keep=settings.forecast.keep,
    )
    for old in (settings.home / DRAFTS).glob("*"):
        if old.stem != forecast_id:
            old.unlink(missing_ok=True)
    return published


def _sided(made: pd.DataFrame) -> Iterator[tuple[datetime, str, float, float, float]]:
    """Rows with their side: buy where the next predicted change is up."""
    for now, after in itertools.pairwise(_rows(made)):
        at, yhat, lower, upper = now
        yield at.replace(tzinfo=UTC), "buy" if after[1] > yhat else "sell", yhat, lower, upper


def _rows(frame: pd.DataFrame) -> Iterator[tuple[datetime, float, float, float]]:
    """Rows (ds, yhat, lower, upper) as plain Python values."""
    times = [at.to_pydatetime() for at in frame["ds"]]
    levels = (frame[name].tolist() for name in ("yhat", "yhat_lower", "yhat_upper"))
    yield from zip(times, *levels, strict=True)


def _served(frame: pd.DataFrame, manifest: Manifest) -> list[dict[str, Any]]:
    """The rows as Postgres keeps them."""
    about = {"made_at": manifest.made_at, "model": manifest.model, "symbol": manifest.symbol}
    names = ("ds", "yhat", "yhat_lower", "yhat_upper")
    return [dict(zip(names, row, strict=True)) | about for row in _rows(frame)]


def _keep_draft(settings: Settings, content: bytes, manifest: Manifest) -> Manifest:
    """Write the draft; the same forecast made again keeps the time it was first made."""
    earlier = settings.forecasts / manifest.forecast_id / forecast_file.MANIFEST
    text = earlier.read_bytes() if earlier.exists() else msgspec.json.encode(manifest)
    (settings.home / DRAFTS).mkdir(parents=True, exist_ok=True)
    _draft(settings, manifest.forecast_id, ".csv").write_bytes(content)
    _draft(settings, manifest.forecast_id, ".json").write_bytes(text)
    return _manifest(settings, manifest.forecast_id)


def _manifest(settings: Settings, forecast_id: str) -> Manifest:
    try:
        text = _draft(settings, forecast_id, ".json").read_bytes()
    except FileNotFoundError as error:
        raise ForecastError(f"there is no draft {forecast_id}") from error
    return msgspec.json.decode(text, type=Manifest)


def _draft(settings: Settings, forecast_id: str, ending: str) -> Path:
    return settings.home / DRAFTS / f"{forecast_id}{ending}"
