"""Sanity checks that every drafted forecast must pass, whatever the one in use is like. Pure."""

from datetime import timedelta

import numpy as np
import pandas as pd

from include.forecast.history import TrainingMinutes
from include.forecast.manifest import Manifest
from include.market.time import MINUTE
from include.quality.results import Finding
from include.quality.suites import MIN_FOLLOWING
from include.settings.forecast import ForecastSettings as Rules

MIN_MOVE = 1e-9


def check_sanity(
    rules: Rules,
    manifest: Manifest,
    draft_df: pd.DataFrame,
    history: TrainingMinutes,
    *,
    in_use: Manifest | None,
) -> list[Finding]:
    """One finding per check, with the figures that were compared.

    `history` is the lake's newest minutes of the symbol; `draft_df` has ds (aware UTC) and prices.
    """
    return [
        _is_not_constant(draft_df),
        _joins_last_price(rules, draft_df, _last_close(history, manifest)),
        _stays_within_bounds(rules, draft_df, _last_close(history, manifest)),
        _follows_training(manifest, draft_df),
        _is_fresh(rules, manifest, history),
        _is_not_older(manifest, in_use),
        _covers_minutes(rules, manifest, history),
    ]


def _is_not_constant(draft_df: pd.DataFrame) -> Finding:
    yhat = draft_df["yhat"]
    share = float(yhat.max() / yhat.min() - 1)
    return Finding("is not constant", share > MIN_MOVE, f"moves by {share:.3g} of the price")


def _joins_last_price(rules: Rules, draft_df: pd.DataFrame, last_close: float) -> Finding:
    """A model of shifted or mixed-up prices begins far from the last price."""
    first_level = float(draft_df["yhat"].iloc[0])
    distance = abs(float(np.log(first_level / last_close)))
    detail = f"begins at {first_level:.6g}, the last price was {last_close:.6g}"
    return Finding("joins the last price", distance <= np.log1p(rules.largest_jump), detail)


def _stays_within_bounds(rules: Rules, draft_df: pd.DataFrame, last_close: float) -> Finding:
    low, high = float(draft_df["yhat_lower"].min()), float(draft_df["yhat_upper"].max())
    within = low * rules.widest_factor >= last_close and high <= last_close * rules.widest_factor
    far = f"{rules.widest_factor:g} times {last_close:.6g}"
    detail = f"lies between {low:.4g} and {high:.4g}; {far} is far"
    return Finding("does not explode", within, detail)


def _follows_training(manifest: Manifest, draft_df: pd.DataFrame) -> Finding:
    first = draft_df["ds"].iloc[0].to_pydatetime()
    follows = first == manifest.trained_until + MINUTE
    detail = f"begins {first:%Y-%m-%d %H:%M}, trained until {manifest.trained_until:%Y-%m-%d %H:%M}"
    return Finding("follows on its training", follows, detail)


def _is_fresh(rules: Rules, manifest: Manifest, history: TrainingMinutes) -> Finding:
    age = history.trained_until - manifest.trained_until
    fresh = timedelta(0) <= age <= timedelta(hours=rules.stale_hours)
    newest = f"{history.trained_until:%Y-%m-%d %H:%M}"
    return Finding("is of fresh data", fresh, f"trained {age} before the lake's newest, {newest}")


def _is_not_older(manifest: Manifest, in_use: Manifest | None) -> Finding:
    name = "is trained no earlier than the one in use"
    if in_use is None or in_use.symbol != manifest.symbol:
        return Finding(name, True, f"no forecast of {manifest.symbol} is in use")
    ok = manifest.trained_until >= in_use.trained_until
    return Finding(name, ok, f"the one in use was trained until {in_use.trained_until}")


def _covers_minutes(rules: Rules, manifest: Manifest, history: TrainingMinutes) -> Finding:
    """Hourly bars in a table of minutes, or timestamps in another unit, cover few minutes.

    Bars of five minutes cover a fifth, as thin markets do, but no two of them are adjacent.
    """
    first, last = manifest.trained_from or history.trained_from, manifest.trained_until
    ds = history.prices_df["ds"].dt.tz_localize("UTC")
    within = ds[(ds >= first) & (ds <= last)]
    coverage = len(within) / ((last - max(first, history.trained_from)) / MINUTE + 1)
    following = float((within.diff().iloc[1:] == MINUTE).mean()) if len(within) > 1 else 0.0
    ok = coverage >= rules.min_coverage and following >= MIN_FOLLOWING
    detail = (
        f"{len(within)} priced minutes, {coverage:.1%} of its span, at least "
        f"{rules.min_coverage:.0%}; {following:.1%} a minute after the one before"
    )
    return Finding("was trained on minutes", ok, detail)


def _last_close(history: TrainingMinutes, manifest: Manifest) -> float:
    """The last price that the model may have been trained on."""
    prices_df = history.prices_df
    known_df = prices_df[prices_df["ds"].dt.tz_localize("UTC") <= manifest.trained_until]
    return float((known_df["close"] if len(known_df) else prices_df["close"].head(1)).iloc[-1])
