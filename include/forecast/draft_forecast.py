"""Drafts the forecast of a saved model: the part of publishing that needs Prophet."""

import hashlib
import itertools
from collections.abc import Iterator
from datetime import UTC, datetime

import pandas as pd

from include.errors import ForecastError
from include.forecast import drafts, forecast_file, plots, predict, prophet, training
from include.forecast.history import PriceChoice, training_minutes
from include.forecast.manifest import Manifest
from include.forecast.prophet import Fitted
from include.market.predicted_move import side_of
from include.market.time import MINUTE
from include.settings import Settings

COMPONENTS, AND_ACTUAL = "components.png", "forecast_and_actual.png"
PICTURE_DAYS = 30


def draft(settings: Settings, *, name: str, horizon_minutes: int, now: datetime) -> Manifest:
    """Forecast the minutes after a model's training and write them as a draft to be checked.

    Raises:
        ForecastError: no such model, a horizon below a minute, or a model that explodes.
    """
    if horizon_minutes < 1:
        raise ForecastError(f"horizon_minutes {horizon_minutes} is less than a minute")
    model_record = training.record_of(settings, name)
    start = model_record.trained_until + MINUTE
    model = training.load_model(settings, name)
    hold_bps = settings.forecast.hold_bps
    forecast_df, content = predict_content(
        model, start_at=start, minutes=horizon_minutes, hold_bps=hold_bps
    )
    digest = hashlib.sha256(content).hexdigest()
    manifest = Manifest(
        forecast_id=f"{model_record.symbol}-{model_record.trained_until:%Y%m%dT%H%M}-{digest[:8]}",
        symbol=model_record.symbol,
        world=settings.world,
        sha256=digest,
        rows=horizon_minutes,
        first_ds=start,
        last_ds=start + MINUTE * (horizon_minutes - 1),
        trained_until=model_record.trained_until,
        made_at=now,
        model=model_record.model,
        fitted_by=model_record.fitted_by,
        versions=model_record.versions,
        metrics=model_record.metrics,
        trained_from=model_record.trained_from,
        plots=(COMPONENTS, AND_ACTUAL),
        hold_bps=hold_bps,
        last_price=model_record.last_price,
        likelihood=model_record.likelihood,
        holidays=model_record.holidays,
        volatility=model_record.volatility,
        band=model_record.band,
        target=model_record.target,
        venue=model_record.venue,
    )
    pictures = {
        COMPONENTS: plots.render_png(
            prophet.draw_components(model.prophet, minutes=horizon_minutes)
        ),
        AND_ACTUAL: plots.forecast_picture(
            _recent_prices(settings, model_record), forecast_df, title=name
        ),
    }
    return drafts.write_draft(settings, content, manifest, pictures=pictures)


def predict_content(
    model: Fitted, *, start_at: datetime, minutes: int, hold_bps: float
) -> tuple[pd.DataFrame, bytes]:
    """What a model predicts from `start_at` on, and the forecast file's content.

    The DataFrame has one minute more than the file, the one before `start`: the first side is that
    of the move from there.
    """
    forecast_df = predict.predict(model, start_at=start_at - MINUTE, minutes=minutes + 1)
    return forecast_df, forecast_file.render(add_sides(forecast_df, hold_bps=hold_bps))


def _recent_prices(settings: Settings, model_record: training.ModelRecord) -> pd.DataFrame:
    """The newest prices that the model was trained on, as they are in the lake now."""
    return training_minutes(
        settings.lake,
        symbol=model_record.symbol,
        as_of=model_record.as_of,
        train_days=PICTURE_DAYS,
        min_minutes=1,
        choice=PriceChoice((model_record.venue,)),
    ).prices_df


def add_sides(
    forecast_df: pd.DataFrame, *, hold_bps: float
) -> Iterator[tuple[datetime, str, float, float, float]]:
    """Rows with the side of the move into each; the first row is the level before, and has none."""
    for (_, level_before, *_), now in itertools.pairwise(drafts.rows_of(forecast_df)):
        at, yhat, lower, upper = now
        side = side_of(level_before, yhat, hold_bps=hold_bps)
        yield at.replace(tzinfo=UTC), side, yhat, lower, upper
