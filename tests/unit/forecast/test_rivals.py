"""The forecasters of statsforecast, where group `bench` is installed; else one clear sentence."""

import importlib.util
import sys
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from include.errors import ForecastError
from include.forecast.evaluation import NAIVE, PROPHET, Plan, backtest
from include.forecast.rivals import load_rivals
from include.optional_packages import install_command
from tests.support.absences import describe_absence

IS_INSTALLED = importlib.util.find_spec("statsforecast") is not None


@pytest.mark.skipif(
    not IS_INSTALLED,
    reason=describe_absence("statsforecast is not installed", command=install_command("bench")),
)
def test_rivals_answer_from_the_same_origins_through_minutes_without_a_trade() -> None:
    draw = np.random.default_rng(5)
    ds = pd.date_range("2018-02-01", periods=4 * 1440, freq="min")
    closes = 9000 * np.exp(np.cumsum(draw.normal(0, 2e-4, len(ds))))
    prices_df = pd.DataFrame({"ds": ds, "close": closes})
    is_kept = draw.random(len(ds)) > 0.05  # one minute in twenty has no trade
    is_kept[[0, -1]] = True
    evaluation = backtest(
        prices_df[is_kept].reset_index(drop=True),
        Plan(2, 480, timedelta(days=1)),
        rivals=load_rivals(),
    )
    names = {"AutoETS", "DynamicOptimizedTheta"}
    assert set(evaluation.forecasters) == {PROPHET, *NAIVE, *names}
    scores = [score for score in evaluation.scores if score.forecaster in names]
    assert len(scores) == 2 * 4
    for score in scores:  # of two origins; a level in another scale would be far beyond
        assert 0.2 < score.error_ratio < 5


def test_without_the_package_the_sentence_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "statsforecast.models", None)
    with pytest.raises(ForecastError, match=r"statsforecast is not installed: run .*group bench"):
        load_rivals()
