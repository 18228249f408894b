"""Whether a drafted forecast may be promoted: sane, as good as the last price, no worse than now's.

It is judged by a day from each of some recent origins. At each the draft's recipe is retrained
on the minutes before alone. The forecast in use (the champion) answers with its published file,
moved to the price at the origin, where it was trained before it, else with its own recipe: both
predict the same minutes at the same distance.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from include.errors import ForecastError, HistoryError
from include.forecast import drafts, forecast_file
from include.forecast.band_coverage import check_coverage, measure_coverage
from include.forecast.evaluation import (
    LAST_PRICE,
    PROPHET,
    Plan,
    backtest,
    forecast_from,
)
from include.forecast.forecast_file import ForecastFile
from include.forecast.history import (
    CLOSE,
    VWAP,
    PriceChoice,
    minimum_minutes,
    rows_within,
    training_minutes,
)
from include.forecast.manifest import JudgedHorizon, Manifest
from include.forecast.recipe import Recipe
from include.forecast.sanity_checks import check_sanity
from include.forecast.scores import ForecastScore
from include.market.time import MINUTE, to_epoch_us
from include.quality.results import Finding
from include.settings import Settings
from include.settings.forecast import ForecastSettings

SUITE = "champion"
NO_WORSE = "no worse than the forecast in use"
AS_GOOD = "as good as the last price"


def check_promotion(settings: Settings, forecast_id: str) -> list[Finding]:
    """The checks that this draft must pass to be published; their figures go to its manifest.

    Raises:
        ForecastError: there is no such draft.
        HistoryError: the lake has no minutes to compare it with.
    """
    rules = settings.forecast
    manifest = drafts.manifest_of(settings, forecast_id)
    plan = Plan(rules.judge_windows, rules.judge_window_minutes, _span(manifest))
    days = timedelta(minutes=plan.minutes).days + 1
    champion, draft_df = (
        _champion(settings, manifest.symbol),
        drafts.load_draft(settings, forecast_id),
    )
    history = training_minutes(
        settings.lake,
        symbol=manifest.symbol,
        as_of=None,
        train_days=days,
        min_minutes=1,
        choice=_price_choice(settings, manifest, champion),
    )
    known_df = rows_within(
        history.prices_df, pd.Timestamp.min, _to_naive_utc(manifest.trained_until)
    )
    pairs_df, scores = _evaluate(known_df, plan, _recipe(manifest))
    shares = measure_coverage(manifest, draft_df, known_df, scores)
    drafts.keep_judgement(settings, manifest, _judge(scores, shares))
    return [
        *check_sanity(
            rules, manifest, draft_df, history, in_use=champion.manifest if champion else None
        ),
        _compare_with_last_price(rules, scores),
        check_coverage(rules, shares),
        _compare_with_champion(settings, manifest, champion, known_df, pairs_df),
    ]


def _price_choice(
    settings: Settings, manifest: Manifest, champion: ForecastFile | None
) -> PriceChoice:
    """The draft's own venue, and the weighted prices if either forecast was fitted to them."""
    targets = {manifest.target, champion.manifest.target if champion else manifest.target}
    venues = (manifest.venue, *settings.venue_order)
    return PriceChoice(venues, VWAP if VWAP in targets else CLOSE)


def _champion(settings: Settings, symbol: str) -> ForecastFile | None:
    try:
        return forecast_file.load_current(settings.forecasts_of(symbol))
    except ForecastError:
        return None  # nothing is published, or it is damaged: any valid forecast is better


def _evaluate(
    known_df: pd.DataFrame, plan: Plan, recipe: Recipe
) -> tuple[pd.DataFrame | None, tuple[ForecastScore, ...]]:
    """The recipe's pairs and scores from recent origins; none where the history is too short."""
    try:
        evaluation = backtest(known_df, plan, recipe)
    except HistoryError:
        return None, ()
    return evaluation.pairs, tuple(s for s in evaluation.scores if s.forecaster == PROPHET)


def _judge(
    scores: tuple[ForecastScore, ...], shares: Mapping[int, float]
) -> tuple[JudgedHorizon, ...]:
    ratios = {score.horizon: score.error_ratio for score in scores}
    horizons = sorted({*ratios, *shares})
    return tuple(JudgedHorizon(h, ratios.get(h), shares.get(h)) for h in horizons)


def _compare_with_last_price(rules: ForecastSettings, scores: tuple[ForecastScore, ...]) -> Finding:
    """Whether the error is within a tolerance of the last price's at each horizon."""
    if not scores:
        return Finding(AS_GOOD, True, "the history is too short for a day after an origin")
    ratios = [f"{score.error_ratio:.4f} up to {score.horizon}" for score in scores]
    ok = all(score.error_ratio <= rules.max_error_ratio for score in scores)
    detail = (
        f"error over that of the last price: {', '.join(ratios)} minutes ahead; at most "
        f"{rules.max_error_ratio:g} is allowed"
    )
    return Finding(AS_GOOD, ok, detail)


def _compare_with_champion(
    settings: Settings,
    manifest: Manifest,
    champion: ForecastFile | None,
    known_df: pd.DataFrame,
    pairs_df: pd.DataFrame | None,
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
    errors = [] if pairs_df is None else list(_errors(champion, known_df, pairs_df))
    if not errors:
        return Finding(NO_WORSE, False, "could not compare: no window has minutes to judge by")
    candidate_error, champion_error = (
        float(np.mean([error[side] for error in errors])) for side in (0, 1)
    )
    worse = sum(our_error > their_error for our_error, their_error in errors)
    is_worse = candidate_error > champion_error * (1 + rules.worse_share)
    refused = np.isinf(candidate_error) or (is_worse and worse * 2 > len(errors))
    detail = (
        f"mean absolute error {candidate_error:.6g} against {champion_error:.6g} of "
        f"{champion_manifest.forecast_id}, worse from {worse} of {len(errors)} origins"
    )
    return Finding(NO_WORSE, not refused, detail)


def _errors(
    champion: ForecastFile, known_df: pd.DataFrame, pairs_df: pd.DataFrame
) -> Iterator[tuple[float, float]]:
    """Mean absolute errors (challenger, champion) over the day after each origin."""
    for key, origin_df in pairs_df.groupby("origin"):
        their_df = _champion_levels(champion, known_df, pd.Timestamp(str(key)), origin_df)
        both_df = origin_df.merge(their_df, on="ds", suffixes=("", "_champion"))
        if len(both_df):
            yield _error(both_df, PROPHET), _error(both_df, f"{PROPHET}_champion")


def _champion_levels(
    champion: ForecastFile, known_df: pd.DataFrame, origin_at: pd.Timestamp, origin_df: pd.DataFrame
) -> pd.DataFrame:
    """The champion's day from an origin: its file moved to the price there, or its recipe's."""
    manifest = champion.manifest
    if _to_naive_utc(manifest.trained_until) <= origin_at:
        # From the last minute with a price on, as the challenger's model is: it may be earlier.
        last_at = rows_within(known_df, pd.Timestamp.min, origin_at)["ds"].iloc[-1]
        price = float(origin_df[LAST_PRICE].iloc[0])
        minutes = pd.DatetimeIndex(origin_df["ds"])
        return _published_levels(champion, minutes, last_at=last_at, price=price)
    training_df = rows_within(known_df, origin_at - _span(manifest), origin_at)
    if len(training_df) < minimum_minutes(_span(manifest)):
        return _make_levels([], [])
    actual_df = origin_df[["ds", "close"]]
    try:
        pairs_df = forecast_from(
            training_df, actual_df, origin_at, recipe=_recipe(manifest), others={}
        )
    except HistoryError:
        return _make_levels([], [])
    return pairs_df[["ds", PROPHET]]


def _published_levels(
    champion: ForecastFile, ds: pd.DatetimeIndex, *, last_at: pd.Timestamp, price: float
) -> pd.DataFrame:
    """Its levels at `ds`, all moved so that the one at `last_at` is the price."""
    before, *levels = (champion.level_at(_to_micros(at)) for at in (last_at, *ds))
    if before is None:
        return _make_levels([], [])
    points = [
        (at, price * level / before)
        for at, level in zip(ds, levels, strict=True)
        if level is not None
    ]
    return _make_levels([at for at, _ in points], [level for _, level in points])


def _to_micros(naive_at: pd.Timestamp) -> int:
    return to_epoch_us(naive_at.tz_localize("UTC").to_pydatetime())


def _make_levels(times: list[pd.Timestamp], levels: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"ds": pd.DatetimeIndex(times), PROPHET: np.array(levels, dtype=float)})


def _recipe(manifest: Manifest) -> Recipe:
    return Recipe(manifest.likelihood, manifest.holidays, manifest.target)


def _span(manifest: Manifest) -> timedelta:
    """The span a forecast's model was trained on; 30 days if its manifest has no start."""
    began = manifest.trained_from
    return manifest.trained_until - began + MINUTE if began else timedelta(days=30)


def _to_naive_utc(moment_at: datetime) -> pd.Timestamp:
    return pd.Timestamp(moment_at).tz_convert("UTC").tz_localize(None)


def _error(pairs_df: pd.DataFrame, column: str) -> float:
    """The mean absolute error; infinite where a level is no number: no minute is passed over."""
    errors = (pairs_df["close"] - pairs_df[column]).abs().to_numpy(dtype=np.float64)
    return float(errors.mean()) if np.isfinite(errors).all() else float("inf")
