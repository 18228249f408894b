"""From a kept model to a draft of its forecast: the part of publishing that needs Prophet."""

import hashlib
import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd

from include.errors import ForecastError
from include.forecast import drafts, forecast_file, plots, predict, prophet, training
from include.forecast.forecast_file import Manifest
from include.forecast.history import training_minutes
from include.settings import Settings

MINUTE = timedelta(minutes=1)
COMPONENTS, AND_ACTUAL = "components.png", "forecast_and_actual.png"
SHOWN_DAYS = 30


def draft(settings: Settings, *, name: str, horizon_minutes: int, now: datetime) -> Manifest:
    """Forecast the minutes after a model's training and lay them down as a draft to be looked at.

    Raises:
        ForecastError: no such model, a horizon below a minute, or a model that explodes.
    """
    if horizon_minutes < 1:
        raise ForecastError(f"horizon_minutes {horizon_minutes} is less than a minute")
    record = training.record_of(settings, name)
    start = record.trained_until + MINUTE
    loaded = training.load_model(settings, name)
    made, content = predicted(loaded, start=start, minutes=horizon_minutes, walk=record.walk)
    digest = hashlib.sha256(content).hexdigest()
    manifest = Manifest(
        forecast_id=f"{record.symbol}-{record.trained_until:%Y%m%dT%H%M}-{digest[:8]}",
        symbol=record.symbol,
        world=settings.world,
        sha256=digest,
        rows=horizon_minutes,
        first_ds=start,
        last_ds=start + MINUTE * (horizon_minutes - 1),
        trained_until=record.trained_until,
        made_at=now,
        model=record.model,
        fitted_by=record.fitted_by,
        versions=record.versions,
        metrics=record.metrics,
        trained_from=record.trained_from,
        plots=(COMPONENTS, AND_ACTUAL),
    )
    pictures = {
        COMPONENTS: plots.png(prophet.components(loaded, minutes=horizon_minutes)),
        AND_ACTUAL: plots.forecast_picture(_actual(settings, record), made, title=name),
    }
    return drafts.keep(settings, content, manifest, pictures=pictures)


def predicted(
    loaded: Any, *, start: datetime, minutes: int, walk: float
) -> tuple[pd.DataFrame, bytes]:
    """What a model predicts from `start` on, and the forecast file's content.

    The frame has one minute more than the file, so that the last one has a next change too.
    """
    made = predict.predict(loaded, start=start, minutes=minutes + 1, walk=walk)
    return made, forecast_file.render(sided(made))


def _actual(settings: Settings, record: training.ModelRecord) -> pd.DataFrame:
    """The prices that the model saw last, as they stand in the lake."""
    return training_minutes(
        settings.lake, symbol=record.symbol, as_of=record.as_of, train_days=SHOWN_DAYS, least=1
    ).frame


def sided(made: pd.DataFrame) -> Iterator[tuple[datetime, str, float, float, float]]:
    """Rows with their side: buy where the next predicted change is up."""
    for now, after in itertools.pairwise(drafts.rows_of(made)):
        at, yhat, lower, upper = now
        yield at.replace(tzinfo=UTC), "buy" if after[1] > yhat else "sell", yhat, lower, upper
