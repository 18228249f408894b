"""The forecast beside the last price, over rolling origins of real minutes: errors and coverage."""

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pandas as pd

from bench.bars import closes_of
from bench.forecast import minutes_of
from bench.measurement import Measurement
from include.forecast.evaluation import LAST_PRICE, NIGHTLY, PROPHET, Evaluation, Plan, backtest
from include.forecast.recipe import Recipe, fit_recipe
from include.forecast.scores import ForecastScore
from include.log import PrintLine
from include.market.time import DAY_MINUTES, MINUTE
from include.settings import ROOT

RECORDED_BARS = ROOT.parent / "shared" / "data" / "bars"
EVALUATED_DAYS = 88
TRAINING = timedelta(days=365)
GENERATED_MINUTES = 120 * DAY_MINUTES


def measure_quality(
    bars: tuple[Path, ...], *, origins: int, print_line: PrintLine
) -> Iterator[Measurement]:
    """Error ratio and t to the last price, and coverage, of each bucket of horizons.

    The origins are spread over the last 88 days of the minutes; each has a year of training, or
    what there is before it.

    Raises:
        HistoryError: a file cannot be read, or its minutes are too few.
    """
    files = bars or tuple(sorted(RECORDED_BARS.glob("bitfinex_*.csv.gz")))
    prices_df = read_bars(files) if files else minutes_of(GENERATED_MINUTES)
    names = ", ".join(file.name for file in files) or "generated minutes (no recording is here)"
    print_line(f"{len(prices_df)} minutes of {names}")
    began = time.process_time()
    fit_recipe(prices_df.tail(TRAINING // MINUTE).reset_index(drop=True), Recipe())
    yield Measurement("fit of a year of minutes", round(time.process_time() - began, 3), "s")
    print_line(f"{origins} origins")
    every_minutes = (EVALUATED_DAYS - 1) * DAY_MINUTES // max(origins - 1, 1)
    yield from measurements_of(backtest(prices_df, Plan(origins, every_minutes, TRAINING)))


def read_bars(paths: tuple[Path, ...]) -> pd.DataFrame:
    """The minutes of several files of bars as one series; of a minute in two, the later file's."""
    joined_df = pd.concat([closes_of(file) for file in paths], ignore_index=True)
    unique_df = joined_df.drop_duplicates("ds", keep="last").sort_values("ds")
    return unique_df.reset_index(drop=True)


def measurements_of(evaluation: Evaluation) -> Iterator[Measurement]:
    """The rows of an evaluation, a bucket of horizons after the other."""
    score_of = {(score.forecaster, score.horizon): score for score in evaluation.scores}
    nearest = 1
    for horizon in NIGHTLY.horizons:
        distance = f"{nearest} to {horizon} minutes ahead"
        yield from _bucket(
            score_of[PROPHET, horizon], score_of[LAST_PRICE, horizon], distance=distance
        )
        nearest = horizon + 1
    yield Measurement("origins", evaluation.origins, "origins")


def _bucket(
    score: ForecastScore, baseline: ForecastScore, *, distance: str
) -> Iterator[Measurement]:
    yield Measurement(
        f"error {distance}",
        round(score.mae, 4),
        "price",
        LAST_PRICE,
        round(baseline.mae, 4),
        ratio=round(1 / score.error_ratio, 5),
    )
    yield Measurement(f"error over last price's {distance}", round(score.error_ratio, 5), "ratio")
    if score.dm_t is not None:
        yield Measurement(f"Diebold-Mariano t {distance}", round(score.dm_t, 2), "t")
    if score.coverage is not None and score.interval_score is not None:
        yield Measurement(f"inside the 80 % band {distance}", round(100 * score.coverage, 2), "%")
        yield Measurement(f"interval score {distance}", round(score.interval_score, 1), "bps")
