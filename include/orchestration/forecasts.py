"""What the tasks do, with this process's settings and clock; heavy imports happen here, late."""

import logging
from datetime import UTC, datetime
from typing import Any

import msgspec

from include.errors import ForecastError
from include.settings import Settings, from_environment

# Prophet tells as an error that it cannot draw with plotly, which nothing here asks of it: in a
# task's log that would stand before the reason of a failure.
logging.getLogger("prophet.plot").setLevel(logging.CRITICAL)


def train_model(
    *, symbol: str | None, as_of: datetime | None, train_days: int | None
) -> dict[str, Any]:
    """Train and keep a model; give its record."""
    from include.forecast import training

    settings = from_environment()
    days = settings.forecast.train_days if train_days is None else train_days
    record = training.train(
        settings, symbol=symbol or settings.forecast.symbol, as_of=as_of, train_days=days,
        now=datetime.now(UTC),
    )  # fmt: skip
    return _plain(record)


def make_draft(name: str | None, *, horizon_minutes: int | None) -> str:
    """Draft the forecast of a model (none: the newest of the forecast symbol); give its id."""
    from include.forecast import drafting

    settings = from_environment()
    made = drafting.draft(
        settings, name=name or _newest(settings), now=datetime.now(UTC),
        horizon_minutes=horizon_minutes or settings.forecast.horizon_minutes,
    )  # fmt: skip
    return made.forecast_id


def pass_forecast(forecast_id: str, *, run_id: str) -> int:
    """Put a draft through its gate, then beside the forecast in use; give its rows."""
    from include.forecast import drafts, judging
    from include.quality import gate
    from include.quality.results import Desk

    settings, now = from_environment(), datetime.now(UTC)
    pages, lake = settings.home / "quality", settings.lake
    draft = drafts.frame_of(settings, forecast_id)
    rows = gate.check_forecast(draft, lake, run_id=run_id, now=now, pages=pages)
    Desk(lake, run_id, now, pages).settle(judging.SUITE, judging.judged(settings, forecast_id))
    return rows


def land_forecast(forecast_id: str) -> int:
    """Write a draft's rows to Delta and Postgres; give their number."""
    from include.forecast import publishing

    return publishing.land_rows(from_environment(), forecast_id)


def publish_file(forecast_id: str) -> dict[str, Any]:
    """Publish a draft; give the manifest that is now current."""
    from include.forecast import publishing

    return _plain(publishing.publish_draft(from_environment(), forecast_id))


def _newest(settings: Settings) -> str:
    from include.forecast import training

    symbol = settings.forecast.symbol
    for record in training.models(settings):
        if record.symbol == symbol:
            return record.model
    raise ForecastError(f"there is no model of {symbol}: run retrain_forecast first")


def _plain(record: msgspec.Struct) -> dict[str, Any]:
    """A record as JSON values, for the asset event."""
    return dict(msgspec.to_builtins(record))
