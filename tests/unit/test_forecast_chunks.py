"""A long history is fitted in chunks: the same model, and memory that does not grow with it."""

import json
import subprocess
import sys
from datetime import UTC
from typing import Any

import numpy as np
import pandas as pd
import pytest

from include.forecast import chunked, model
from include.forecast.chunked import fit_in_chunks
from include.settings import ROOT

DAY = 1440
YEARS_ROWS = 2_630_000


def frame_of(closes: Any, *, holes: bool = False) -> pd.DataFrame:
    ds = pd.date_range("2018-02-01", periods=len(closes), freq="min")
    made = pd.DataFrame({"ds": ds, "close": closes})
    kept = np.random.default_rng(2).random(len(made)) < 0.7
    return made[kept].reset_index(drop=True) if holes else made


def walk(rows: int) -> Any:
    return 9000 * np.exp(np.cumsum(np.random.default_rng(1).normal(0, 5e-4, rows)))


SERIES = {
    "a walk of weeks": frame_of(walk(15 * DAY)),
    "with holes": frame_of(walk(4 * DAY), holes=True),
    "no season": frame_of(walk(DAY + 1)),
    "prices below one": frame_of(walk(3 * DAY) / 1e6),
    "a perfect fit": frame_of(np.exp(8 + np.arange(3 * DAY) * 1e-5)),
    "constant": frame_of(np.full(3 * DAY, 50.0)),
    "a few rows": frame_of(walk(30)),
    "two rows": frame_of(walk(2)),
}


@pytest.mark.parametrize("name", SERIES)
def test_chunks_make_the_model_that_the_whole_makes(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = SERIES[name]
    monkeypatch.setattr(chunked, "CHUNK_ROWS", 997)
    parts, whole = fit_in_chunks(frame), model.fit(frame)
    assert (parts.walk, parts.fitted_by) == (whole.walk, whole.fitted_by)
    assert list(parts.prophet.changepoints) == list(whole.prophet.changepoints)
    for scale in ("start", "t_scale", "y_scale"):
        assert getattr(parts.prophet, scale) == getattr(whole.prophet, scale)
    start = frame["ds"].iloc[-1].to_pydatetime().replace(tzinfo=UTC)
    made = [model.predict(one.prophet, start=start, minutes=600, walk=one.walk)
            for one in (parts, whole)]  # fmt: skip
    for column in ("yhat", "yhat_lower", "yhat_upper"):
        np.testing.assert_allclose(made[0][column], made[1][column], rtol=1e-7)


def test_a_long_history_takes_this_way_and_is_kept_as_json_alike(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    frame = SERIES["a walk of weeks"]
    whole = json.loads(model.to_json(model.fit(frame).prophet))
    monkeypatch.setattr(model, "LARGE_ROWS", len(frame))
    long = model.fit(frame)
    assert len(long.prophet.history) < 50
    told = json.loads(model.to_json(long.prophet))
    assert set(told) == set(whole)
    assert told["params"].keys() == whole["params"].keys()
    again = model.from_json(model.to_json(long.prophet))
    start = frame["ds"].iloc[-1].to_pydatetime().replace(tzinfo=UTC)
    pd.testing.assert_frame_equal(
        model.predict(again, start=start, minutes=90, walk=long.walk),
        model.predict(long.prophet, start=start, minutes=90, walk=long.walk),
    )


def test_five_years_of_minutes_take_little_more_memory_than_their_own() -> None:
    command = [sys.executable, "-m", "tests.unit.fitting_child", str(YEARS_ROWS), "chunks"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    told = json.loads(done.stdout.splitlines()[-1])
    print(told)
    assert told["by"] == "map"
    assert told["peak"] < 700, told
    assert told["peak"] - told["before"] < 300, told
