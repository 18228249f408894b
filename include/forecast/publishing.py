"""From a draft to a published forecast: rows in the tables, then the file. Needs no Prophet."""

from datetime import datetime

import pyarrow as pa

from include.errors import ForecastError
from include.forecast import drafts, forecast_file
from include.forecast.manifest import Manifest
from include.lake.tables import FORECASTS
from include.lake.writing import arrow_schema, replace_rows
from include.settings import Settings


def land_rows(settings: Settings, forecast_id: str) -> int:
    """Write a draft's rows to Delta `forecasts`; give their count. Repeating it changes nothing.

    Raises:
        ForecastError: the draft's CSV is damaged.
    """
    drafts.read_content(settings, forecast_id)
    manifest = drafts.manifest_of(settings, forecast_id)
    draft_df = drafts.load_draft(settings, forecast_id)
    landed_df = draft_df.assign(
        forecast_id=forecast_id,
        symbol=manifest.symbol,
        trained_until=manifest.trained_until,
        last_price=manifest.last_price or None,
        volatility=manifest.volatility,
    )
    table = pa.Table.from_pandas(landed_df, schema=arrow_schema(FORECASTS), preserve_index=False)
    replace_rows(settings.lake, FORECASTS, table, forecast_id=forecast_id)
    return len(draft_df)


def publish_draft(
    settings: Settings, forecast_id: str, *, published_at: datetime | None = None
) -> Manifest:
    """Publish a draft as its symbol's current forecast file and delete its other drafts.

    It is in use from `published_at` on, else from when it was made.

    Raises:
        ForecastError: the draft's CSV is damaged, or a picture of it is gone.
    """
    manifest = drafts.manifest_of(settings, forecast_id)
    published = forecast_file.publish(
        settings.forecasts_of(manifest.symbol),
        manifest=manifest,
        keep=settings.forecast.keep,
        content=drafts.read_content(settings, forecast_id),
        extras=_read_pictures(settings, manifest),
        published_at=published_at,
    )
    for stale_file in (settings.world_store / drafts.DRAFTS).glob(f"{manifest.symbol}-*"):
        if not stale_file.name.startswith(f"{forecast_id}."):
            stale_file.unlink(missing_ok=True)
    return published


def _read_pictures(settings: Settings, manifest: Manifest) -> dict[str, bytes]:
    paths = {
        name: drafts.path_of(settings, manifest.forecast_id, f".{name}") for name in manifest.plots
    }
    try:
        return {name: path.read_bytes() for name, path in paths.items()}
    except FileNotFoundError as error:
        raise ForecastError(f"the draft {manifest.forecast_id} lacks a picture: {error}") from error
