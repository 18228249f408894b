"""From a draft to a published forecast: rows in the tables, then the file. Needs no Prophet."""

from typing import Any

import pandas as pd
import pyarrow as pa

from include.errors import ForecastError
from include.forecast import drafts, forecast_file
from include.forecast.manifest import Manifest
from include.lake.tables import FORECASTS
from include.lake.writing import arrow_schema, replace_rows
from include.market.time import MINUTE
from include.settings import Settings

SERVED_MINUTES = 10_080


def land_rows(settings: Settings, forecast_id: str) -> int:
    """Write a draft's rows to Delta `forecasts` and, the first week, to Postgres; give their count.

    Rows older than `served_days` are deleted from Postgres. Repeating it changes nothing.
    """
    from include.serving.forecast_points import serve_forecast  # noqa: PLC0415 - needs psycopg2

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
    serve_forecast(
        settings.dsn(),
        _points_to_serve(draft_df.head(SERVED_MINUTES), manifest),
        market_at=manifest.first_ds,
        keep_days=settings.forecast.served_days,
    )
    return len(draft_df)


def publish_draft(settings: Settings, forecast_id: str) -> Manifest:
    """Publish a draft as its symbol's current forecast file and delete its other drafts."""
    manifest = drafts.manifest_of(settings, forecast_id)
    published = forecast_file.publish(
        settings.forecasts_of(manifest.symbol),
        manifest=manifest,
        keep=settings.forecast.keep,
        content=drafts.path_of(settings, forecast_id, ".csv").read_bytes(),
        extras={
            name: drafts.path_of(settings, forecast_id, f".{name}").read_bytes()
            for name in manifest.plots
        },
    )
    for stale_file in (settings.home / drafts.DRAFTS).glob(f"{manifest.symbol}-*"):
        if not stale_file.name.startswith(f"{forecast_id}."):
            stale_file.unlink(missing_ok=True)
    return published


def serve_current(settings: Settings) -> int:
    """Put the first week of the published forecast in Postgres again; gives its rows.

    None is published: 0.
    """
    from include.serving.forecast_points import serve_forecast  # noqa: PLC0415 - needs psycopg2

    try:
        current = forecast_file.load_current(settings.forecasts)
    except ForecastError:
        return 0
    manifest = current.manifest
    run_columns = {"made_at": manifest.made_at, "model": manifest.model, "symbol": manifest.symbol}
    points = [
        run_columns
        | {
            "ds": manifest.first_ds + number * MINUTE,
            "yhat": point.yhat,
            "yhat_lower": point.yhat_lower,
            "yhat_upper": point.yhat_upper,
        }
        for number, point in enumerate(current.points[:SERVED_MINUTES])
    ]
    serve_forecast(
        settings.dsn(),
        points,
        market_at=manifest.first_ds,
        keep_days=settings.forecast.served_days,
    )
    return len(points)


def _points_to_serve(draft_df: pd.DataFrame, manifest: Manifest) -> list[dict[str, Any]]:
    """The rows as Postgres serves them."""
    run_columns = {"made_at": manifest.made_at, "model": manifest.model, "symbol": manifest.symbol}
    names = ("ds", "yhat", "yhat_lower", "yhat_upper")
    return [dict(zip(names, row, strict=True)) | run_columns for row in drafts.rows_of(draft_df)]
