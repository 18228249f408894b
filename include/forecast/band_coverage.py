"""Whether the 80 % band of a drafted forecast covers about 80 % of recent prices. Pure."""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from include.forecast.bands import (
    FEWEST_ORIGINS,
    MINUTES,
    LogPrices,
    relative_errors,
)
from include.forecast.damping import Floats
from include.forecast.manifest import Manifest
from include.forecast.scores import ForecastScore
from include.market.time import DAY_MINUTES
from include.quality.results import Finding
from include.settings.forecast import ForecastSettings

COVERS = "its band covers what it promises"


def measure_coverage(
    manifest: Manifest,
    draft_df: pd.DataFrame,
    known_df: pd.DataFrame,
    scores: tuple[ForecastScore, ...],
) -> dict[int, float]:
    """By horizon the share of prices inside the draft's own band, over hourly origins of 30 days.

    A forecast without a band, whose interval Prophet sampled, is judged by its recipe's scores.
    """
    if manifest.band is None:
        return {s.horizon: s.coverage for s in scores if s.coverage is not None}
    return dict(_shares(manifest, draft_df, known_df))


def check_coverage(rules: ForecastSettings, shares: Mapping[int, float]) -> Finding:
    """Whether the band covered 70 to 90 % up to each horizon."""
    if not shares:
        return Finding(COVERS, True, "the history is too short to count what it covers")
    lowest, highest = rules.min_band_coverage, rules.max_band_coverage
    ok = all(lowest <= share <= highest for share in shares.values())
    counted = ", ".join(f"{share:.1%} up to {horizon}" for horizon, share in shares.items())
    detail = (
        f"prices inside the 80 % band: {counted} minutes ahead; allowed are "
        f"{lowest:.0%} to {highest:.0%}"
    )
    return Finding(COVERS, ok, detail)


def _shares(
    manifest: Manifest, draft_df: pd.DataFrame, known_df: pd.DataFrame
) -> Iterator[tuple[int, float]]:
    """The share of prices inside the draft's own band by bucket of horizons."""
    path = LogPrices(known_df, reach=MINUTES.reach + MINUTES.window)
    widths = _relative_widths(draft_df, volatility=manifest.volatility)
    begin = 0
    for horizon in (10, 60, 360, DAY_MINUTES):
        errors = [
            (relative_errors(path, ahead), widths[ahead - 1])
            for ahead in MINUTES.horizons
            if begin < ahead <= min(horizon, len(widths))
        ]
        shares = [
            np.mean(moves <= width) for moves, width in errors if len(moves) >= FEWEST_ORIGINS
        ]
        begin = horizon
        if shares:
            yield horizon, float(np.mean(shares))


def _relative_widths(draft_df: pd.DataFrame, *, volatility: float) -> Floats:
    """Half widths of the draft's bounds in units of its volatility, a minute ahead each."""
    first_day_df = draft_df.head(DAY_MINUTES)
    ratio = (first_day_df["yhat_upper"] / first_day_df["yhat_lower"]).to_numpy()
    return np.asarray(np.log(ratio) / 2 / volatility, dtype=np.float64)
