"""What no forecast worth publishing does, whatever the one in use is like. Pure."""

from datetime import timedelta

import numpy as np
import pandas as pd

from include.forecast.forecast_file import Manifest
from include.forecast.history import TrainingMinutes
from include.quality.results import Finding
from include.settings.forecast import Forecast as Rules

MINUTE = timedelta(minutes=1)
LEAST_MOVE = 1e-6
LEAST_FOLLOWING = 0.1


def check_sanity(
    rules: Rules,
    manifest: Manifest,
    draft: pd.DataFrame,
    minutes: TrainingMinutes,
    *,
    in_use: Manifest | None,
) -> list[Finding]:
    """A finding for each kind of absurdity, with the figures it was judged by.

    `minutes` are the lake's newest ones of the symbol; `draft` has ds (aware UTC) and prices.
    """
    return [
        _moves(draft),
        _joins(rules, draft, _last_close(minutes, manifest)),
        _stays(rules, draft, _last_close(minutes, manifest)),
        _follows(manifest, draft),
        _fresh(rules, manifest, minutes),
        _not_older(manifest, in_use),
        _every_minute(rules, manifest, minutes),
    ]


def _moves(draft: pd.DataFrame) -> Finding:
    yhat = draft["yhat"]
    share = float(yhat.max() / yhat.min() - 1)
    return Finding("is not constant", share > LEAST_MOVE, f"moves by {share:.3g} of the price")


def _joins(rules: Rules, draft: pd.DataFrame, last: float) -> Finding:
    """A model of shifted or mixed up prices begins elsewhere than the price ended."""
    first = float(draft["yhat"].iloc[0])
    off = abs(float(np.log(first / last)))
    said = f"begins at {first:.6g}, the last price was {last:.6g}"
    return Finding("joins the last price", off <= np.log1p(rules.largest_jump), said)


def _stays(rules: Rules, draft: pd.DataFrame, last: float) -> Finding:
    low, high = float(draft["yhat_lower"].min()), float(draft["yhat_upper"].max())
    sound = low * rules.widest_factor >= last and high <= last * rules.widest_factor
    said = f"lies between {low:.4g} and {high:.4g}; {rules.widest_factor:g} times {last:.6g} is far"
    return Finding("does not explode", sound, said)


def _follows(manifest: Manifest, draft: pd.DataFrame) -> Finding:
    first = draft["ds"].iloc[0].to_pydatetime()
    sound = first == manifest.trained_until + MINUTE
    said = f"begins {first:%Y-%m-%d %H:%M}, trained until {manifest.trained_until:%Y-%m-%d %H:%M}"
    return Finding("follows on its training", sound, said)


def _fresh(rules: Rules, manifest: Manifest, minutes: TrainingMinutes) -> Finding:
    age = minutes.trained_until - manifest.trained_until
    sound = timedelta(0) <= age <= timedelta(hours=rules.stale_hours)
    newest = f"{minutes.trained_until:%Y-%m-%d %H:%M}"
    return Finding("is of fresh data", sound, f"trained {age} before the lake's newest, {newest}")


def _not_older(manifest: Manifest, in_use: Manifest | None) -> Finding:
    name = "is trained no earlier than the one in use"
    if in_use is None or in_use.symbol != manifest.symbol:
        return Finding(name, True, f"no forecast of {manifest.symbol} is in use")
    sound = manifest.trained_until >= in_use.trained_until
    return Finding(name, sound, f"the one in use was trained until {in_use.trained_until}")


def _every_minute(rules: Rules, manifest: Manifest, minutes: TrainingMinutes) -> Finding:
    """Hourly bars in a table of minutes, or a stamp in another unit, leave most minutes out.

    Bars of five minutes leave a fifth, as thin markets do, but there none follows on another.
    """
    first, last = manifest.trained_from or minutes.trained_from, manifest.trained_until
    ds = minutes.frame["ds"].dt.tz_localize("UTC")
    within = ds[(ds >= first) & (ds <= last)]
    share = len(within) / ((last - max(first, minutes.trained_from)) / MINUTE + 1)
    following = float((within.diff().iloc[1:] == MINUTE).mean()) if len(within) > 1 else 0.0
    sound = share >= rules.least_coverage and following >= LEAST_FOLLOWING
    said = (
        f"{len(within)} priced minutes, {share:.1%} of its span, at least "
        f"{rules.least_coverage:.0%}; {following:.1%} a minute after the one before"
    )
    return Finding("was trained on minutes", sound, said)


def _last_close(minutes: TrainingMinutes, manifest: Manifest) -> float:
    """The last price the model may have seen."""
    seen = minutes.frame[minutes.frame["ds"].dt.tz_localize("UTC") <= manifest.trained_until]
    return float(seen["close"].iloc[-1]) if len(seen) else float(minutes.frame["close"].iloc[0])
