"""From a draft to a published forecast: rows in the tables, then the file. Needs no Prophet."""

from typing import Any

import pandas as pd
import pyarrow as pa

from include.forecast import drafts, forecast_file
from include.forecast.forecast_file import Manifest
from include.lake.tables import FORECASTS
from include.lake.writing import arrow_schema, replace_rows
from include.settings import Settings

SERVED_MINUTES = 10_080


def land_rows(settings: Settings, forecast_id: str) -> int:
    """Write a draft's rows to Delta `forecasts` and, the first week, to Postgres; give their count.

    Postgres loses what nobody reads any more with it. Repeating it changes nothing.
    """
    from include.serving.forecast_points import serve_forecast  # noqa: PLC0415 - needs psycopg2

    manifest, frame = (
        drafts.manifest_of(settings, forecast_id),
        drafts.frame_of(settings, forecast_id),
    )
    rows = frame.assign(
        forecast_id=forecast_id, symbol=manifest.symbol, trained_until=manifest.trained_until
    )
    table = pa.Table.from_pandas(rows, schema=arrow_schema(FORECASTS), preserve_index=False)
    replace_rows(settings.lake, FORECASTS, table, forecast_id=forecast_id)
    serve_forecast(
        settings.dsn(),
        _served(frame.head(SERVED_MINUTES), manifest),
        market_time=manifest.first_ds,
        keep_days=settings.forecast.served_days,
    )
    return len(frame)


def publish_draft(settings: Settings, forecast_id: str) -> Manifest:
    """Publish a draft as the current forecast file and clear the drafts away."""
    manifest = drafts.manifest_of(settings, forecast_id)
    published = forecast_file.publish(
        settings.forecasts,
        manifest=manifest,
        keep=settings.forecast.keep,
        content=drafts.path_of(settings, forecast_id, ".csv").read_bytes(),
        extras={
            name: drafts.path_of(settings, forecast_id, f".{name}").read_bytes()
            for name in manifest.plots
        },
    )
    for old in (settings.home / drafts.DRAFTS).glob("*"):
        if not old.name.startswith(f"{forecast_id}."):
            old.unlink(missing_ok=True)
    return published


def _served(frame: pd.DataFrame, manifest: Manifest) -> list[dict[str, Any]]:
    """The rows as Postgres keeps them."""
    about = {"made_at": manifest.made_at, "model": manifest.model, "symbol": manifest.symbol}
    names = ("ds", "yhat", "yhat_lower", "yhat_upper")
    return [dict(zip(names, row, strict=True)) | about for row in drafts.rows_of(frame)]
