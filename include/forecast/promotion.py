"""Whether a drafted forecast may be promoted: it must be sane, and no worse than the one in use.

The one in use is the champion, scored by its published file on recent windows after its training,
and by its recipe (as many days, retrained before the window) on those within it. The challenger
is scored by its recipe, always trained on the minutes before the window alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from include.errors import ForecastError
from include.forecast import drafts, fit, forecast_file, predict
from include.forecast.forecast_file import ForecastFile, Manifest
from include.forecast.history import (
    TrainingMinutes,
    minimum_minutes,
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
    """The checks that this draft must pass to be published.

    Raises:
        ForecastError: there is no such draft.
        HistoryError: the lake has no minutes to compare it with.
    """
    manifest = drafts.manifest_of(settings, forecast_id)
    judged_minutes = settings.forecast.judge_windows * settings.forecast.judge_window_minutes
    days = _span(manifest) + timedelta(minutes=judged_minutes)
    history = training_minutes(
        settings.lake, symbol=manifest.symbol, as_of=None, train_days=days.days + 1, min_minutes=1
    )
    champion = _champion(settings)
    checks = check_sanity(
        settings.forecast,
        manifest,
        drafts.load_draft(settings, forecast_id),
        history,
        in_use=champion.manifest if champion else None,
    )
    return [*checks, _compare_with_champion(settings, manifest, champion, history)]


def _champion(settings: Settings) -> ForecastFile | None:
    try:
        return forecast_file.load_current(settings.forecasts)
    except ForecastError:
        return None  # nothing is published, or it is damaged: any valid forecast is better


def _compare_with_champion(
    settings: Settings,
    manifest: Manifest,
    champion: ForecastFile | None,
    history: TrainingMinutes,
) -> Finding:
    rules = settings.forecast
    if champion is None or champion.manifest.symbol != manifest.symbol:
        return Finding(NO_WORSE, True, f"no forecast of {manifest.symbol} is in use")
    champion_manifest = champion.manifest
    if champion_manifest.forecast_id == manifest.forecast_id:
        return Finding(NO_WORSE, True, "it is the one in use")
    age = manifest.trained_until - champion_manifest.trained_until
    if age > timedelta(hours=rules.stale_hours):
        return Finding(NO_WORSE, True, f"the one in use is stale: trained {age} earlier")
    scores = list(_scores(settings, manifest, champion, history.prices_df))
    if not scores:
        return Finding(NO_WORSE, False, "could not compare: no window has minutes to judge by")
    candidate_error, champion_error = (
        float(np.mean([score[side] for score in scores])) for side in (0, 1)
    )
    worse = sum(our_error > their_error for our_error, their_error in scores)
    refused = candidate_error > champion_error * (1 + rules.worse_share) and worse * 2 > len(scores)
    detail = (
        f"mean absolute error {candidate_error:.6g} against {champion_error:.6g} of "
        f"{champion_manifest.forecast_id}, worse in {worse} of {len(scores)} windows of "
        f"{rules.judge_window_minutes} minutes"
    )
    return Finding(NO_WORSE, not refused, detail)


def _scores(
    settings: Settings, manifest: Manifest, champion: ForecastFile, prices_df: pd.DataFrame
) -> Iterator[tuple[float, float]]:
    """Mean absolute errors (challenger, champion) of each recent window that has minutes."""
    champion_manifest = champion.manifest
    end = _to_naive_utc(manifest.trained_until)
    for window in windows(settings, end):
        actual_df = rows_within(prices_df, window.start, window.end)
        our_df = _predict_by_recipe(prices_df, window, span=_span(manifest))
        if champion_manifest.trained_until < window.start.tz_localize("UTC"):
            their_df = _published_prices(champion, window)
        else:
            their_df = _predict_by_recipe(prices_df, window, span=_span(champion_manifest))
        pairs_df = actual_df.merge(our_df, on="ds").merge(
            their_df, on="ds", suffixes=("", "_champion")
        )
        if len(pairs_df):
            yield _error(pairs_df, "yhat"), _error(pairs_df, "yhat_champion")


@dataclass(frozen=True)
class Window:
    """The minutes after `start` up to and including `end`, naive UTC."""

    start: pd.Timestamp
    end: pd.Timestamp


def windows(settings: Settings, end: pd.Timestamp) -> Iterator[Window]:
    """The recent windows, oldest first; the last one ends at `end`."""
    length = pd.Timedelta(minutes=settings.forecast.judge_window_minutes)
    for back in range(settings.forecast.judge_windows, 0, -1):
        yield Window(end - back * length, end - (back - 1) * length)


def _predict_by_recipe(prices_df: pd.DataFrame, window: Window, *, span: timedelta) -> pd.DataFrame:
    """The forecast of the window by a model trained on `span` before it; empty if too short."""
    training_df = rows_within(prices_df, window.start - span, window.start)
    if len(training_df) < minimum_minutes(span):
        return pd.DataFrame({"ds": pd.DatetimeIndex([]), "yhat": np.empty(0)})
    fitted = fit.fit(training_df)
    start = window.start.tz_localize("UTC") + pd.Timedelta(minutes=1)
    minutes = int((window.end - window.start) / pd.Timedelta(minutes=1))
    forecast_df = predict.predict(fitted.prophet, start=start, minutes=minutes, walk=fitted.walk)
    return forecast_df[["ds", "yhat"]]


def _published_prices(champion: ForecastFile, window: Window) -> pd.DataFrame:
    first = _to_naive_utc(champion.manifest.first_ds)
    ds = pd.date_range(first, periods=len(champion.points), freq="min")
    forecast_df = pd.DataFrame({"ds": ds, "yhat": [point.yhat for point in champion.points]})
    return forecast_df[(forecast_df["ds"] > window.start) & (forecast_df["ds"] <= window.end)]


def _span(manifest: Manifest) -> timedelta:
    """The span a forecast's model was trained on; 30 days if its manifest has no start."""
    began = manifest.trained_from
    return manifest.trained_until - began + MINUTE if began else timedelta(days=30)


def _to_naive_utc(at: datetime) -> pd.Timestamp:
    return pd.Timestamp(at).tz_convert("UTC").tz_localize(None)


def _error(pairs_df: pd.DataFrame, column: str) -> float:
    return float((pairs_df["close"] - pairs_df[column]).abs().mean())
