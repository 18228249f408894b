"""Whether a drafted forecast may take the place of the one in use: not absurd, and no worse.

The one in use is the champion, judged by its published file on recent windows that it had not
seen, and by its recipe (as many days, trained anew before the window) on those that it had. The
challenger is judged by its recipe, always trained on the minutes before the window alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from include.errors import ForecastError
from include.forecast import drafts, fit, forecast_file, predict
from include.forecast.forecast_file import Manifest, PublishedForecast
from include.forecast.history import (
    TrainingMinutes,
    least_minutes,
    rows_within,
    training_minutes,
)
from include.forecast.sanity_checks import check_sanity
from include.quality.results import Finding
from include.settings import Settings

SUITE = "champion"
MINUTE = timedelta(minutes=1)
NO_WORSE = "no worse than the forecast in use"


def check_promotion(settings: Settings, forecast_id: str) -> list[Finding]:
    """What speaks for and against publishing this draft.

    Raises:
        ForecastError: there is no such draft.
        HistoryError: the lake has no minutes to judge it by.
    """
    manifest = drafts.manifest_of(settings, forecast_id)
    recent = settings.forecast.judge_windows * settings.forecast.judge_window_minutes
    days = _span(manifest) + timedelta(minutes=recent)
    minutes = training_minutes(
        settings.lake, symbol=manifest.symbol, as_of=None, train_days=days.days + 1, least=1
    )
    before = _champion(settings)
    found = check_sanity(
        settings.forecast,
        manifest,
        drafts.frame_of(settings, forecast_id),
        minutes,
        in_use=before.manifest if before else None,
    )
    return [*found, _compare_with_champion(settings, manifest, before, minutes)]


def _champion(settings: Settings) -> PublishedForecast | None:
    try:
        return forecast_file.load_current(settings.forecasts)
    except ForecastError:
        return None  # nothing is published, or what is there is torn: anything sound is better


def _compare_with_champion(
    settings: Settings,
    manifest: Manifest,
    champion: PublishedForecast | None,
    minutes: TrainingMinutes,
) -> Finding:
    rules = settings.forecast
    if champion is None or champion.manifest.symbol != manifest.symbol:
        return Finding(NO_WORSE, True, f"no forecast of {manifest.symbol} is in use")
    own = champion.manifest
    if own.forecast_id == manifest.forecast_id:
        return Finding(NO_WORSE, True, "it is the one in use")
    age = manifest.trained_until - own.trained_until
    if age > timedelta(hours=rules.stale_hours):
        return Finding(NO_WORSE, True, f"the one in use is stale: trained {age} earlier")
    scores = list(_scores(settings, manifest, champion, minutes.frame))
    if not scores:
        return Finding(NO_WORSE, False, "could not compare: no window has minutes to judge by")
    ours, theirs = (float(np.mean([one[side] for one in scores])) for side in (0, 1))
    worse = sum(ours_ > theirs_ for ours_, theirs_ in scores)
    refused = ours > theirs * (1 + rules.worse_share) and worse * 2 > len(scores)
    said = (
        f"mean absolute error {ours:.6g} against {theirs:.6g} of {own.forecast_id}, worse in "
        f"{worse} of {len(scores)} windows of {rules.judge_window_minutes} minutes"
    )
    return Finding(NO_WORSE, not refused, said)


def _scores(
    settings: Settings, manifest: Manifest, champion: PublishedForecast, frame: pd.DataFrame
) -> Iterator[tuple[float, float]]:
    """Mean absolute errors (challenger, champion) of each recent window that has minutes."""
    own = champion.manifest
    end = _naive(manifest.trained_until)
    for window in windows(settings, end):
        truth = rows_within(frame, window.start, window.end)
        ours = _predict_by_recipe(frame, window, span=_span(manifest))
        if own.trained_until < window.start.tz_localize("UTC"):
            theirs = _published_prices(champion, window)
        else:
            theirs = _predict_by_recipe(frame, window, span=_span(own))
        both = truth.merge(ours, on="ds").merge(theirs, on="ds", suffixes=("", "_champion"))
        if len(both):
            yield _error(both, "yhat"), _error(both, "yhat_champion")


@dataclass(frozen=True)
class Window:
    """Minutes after `start` up to and with `end`, naive UTC."""

    start: pd.Timestamp
    end: pd.Timestamp


def windows(settings: Settings, end: pd.Timestamp) -> Iterator[Window]:
    """The recent windows, oldest first; the last one ends at `end`."""
    length = pd.Timedelta(minutes=settings.forecast.judge_window_minutes)
    for back in range(settings.forecast.judge_windows, 0, -1):
        yield Window(end - back * length, end - (back - 1) * length)


def _predict_by_recipe(frame: pd.DataFrame, window: Window, *, span: timedelta) -> pd.DataFrame:
    """What a model trained on `span` before the window says of it; nothing if that is too short."""
    seen = rows_within(frame, window.start - span, window.start)
    if len(seen) < least_minutes(span):
        return pd.DataFrame({"ds": pd.DatetimeIndex([]), "yhat": np.empty(0)})
    fitted = fit.fit(seen)
    start = window.start.tz_localize("UTC") + pd.Timedelta(minutes=1)
    minutes = int((window.end - window.start) / pd.Timedelta(minutes=1))
    return predict.predict(fitted.prophet, start=start, minutes=minutes, walk=fitted.walk)[
        ["ds", "yhat"]
    ]


def _published_prices(champion: PublishedForecast, window: Window) -> pd.DataFrame:
    first = _naive(champion.manifest.first_ds)
    ds = pd.date_range(first, periods=len(champion.points), freq="min")
    made = pd.DataFrame({"ds": ds, "yhat": [point.yhat for point in champion.points]})
    return made[(made["ds"] > window.start) & (made["ds"] <= window.end)]


def _span(manifest: Manifest) -> timedelta:
    """The days a forecast's model was trained on, whole minutes; a month if it does not say."""
    began = manifest.trained_from
    return manifest.trained_until - began + MINUTE if began else timedelta(days=30)


def _naive(at: datetime) -> pd.Timestamp:
    return pd.Timestamp(at).tz_convert("UTC").tz_localize(None)


def _error(pairs: pd.DataFrame, column: str) -> float:
    return float((pairs["close"] - pairs[column]).abs().mean())
