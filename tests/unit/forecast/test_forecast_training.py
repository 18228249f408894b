"""Models see whole minutes up to a moment, are kept with what they read, and can be used again."""

import itertools
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from deltalake import write_deltalake

from include.errors import ForecastError, GateFailed, HistoryError
from include.forecast import draft_forecast, drafts, fit, predict, promotion, publishing, training
from include.forecast.forecast_file import load_current
from include.forecast.history import training_minutes
from include.forecast.holdout import error_metrics
from include.forecast.recipe import Recipe, fit_recipe
from include.lake.reading import query
from include.quality.gate import check_forecast
from include.settings import ROOT, Settings
from tests.support.forecast_world import (
    MINUTE,
    MONEY,
    NOW,
    T0,
    UTC_TIME,
    wave,
    write_history,
    write_trades,
)


def minutes(settings: Settings, **more: Any) -> Any:
    options = {"symbol": "BTC-USD", "as_of": None, "train_days": 0, **more}
    return training_minutes(settings.lake, **options)


def trained(settings: Settings, **more: Any) -> training.ModelRecord:
    options = {"symbol": "BTC-USD", "as_of": None, "train_days": 0, "now": NOW, **more}
    return training.train(settings, **options)


def test_history_is_joined_with_the_whole_minutes_of_the_lakes_own_trades(
    settings: Settings,
) -> None:
    write_history(settings, [*wave(1), None])
    end = T0 + timedelta(days=1)
    write_trades(
        settings,
        [
            (T0 + MINUTE, 1.0),  # the archive has this minute
            (end + timedelta(seconds=70), 5.0),
            (end + timedelta(seconds=65), 4.0),
            (end + timedelta(seconds=150), 6.0),
            (end + timedelta(seconds=185), 7.0),
        ],
    )
    history = minutes(settings)
    tail = list(history.prices_df.tail(2).itertuples(index=False, name=None))
    # 00:00 had no trade; 00:01 ends at 5.0; 00:02 at 6.0; 00:03 is not over at the newest trade
    assert tail == [
        (pd.Timestamp("2018-04-02 00:01"), 5.0),
        (pd.Timestamp("2018-04-02 00:02"), 6.0),
    ]
    assert len(history.prices_df) == 1442
    assert history.prices_df["close"].iloc[1] == wave(1)[1]
    assert history.trained_until == datetime(2018, 4, 2, 0, 2, tzinfo=UTC)
    assert history.versions == {"history_minutes": 0, "trades": 0}


def test_nothing_at_or_after_as_of_is_seen_and_train_days_count_back_from_it(
    settings: Settings,
) -> None:
    write_history(settings, wave(3))
    as_of = T0 + timedelta(days=2, seconds=30)
    history = minutes(settings, as_of=as_of, train_days=1)
    assert history.prices_df["ds"].iloc[-1] == pd.Timestamp("2018-04-02 23:59")
    assert history.prices_df["ds"].iloc[0] == pd.Timestamp("2018-04-02")
    assert len(history.prices_df) == 1440


def test_of_two_archives_the_one_loaded_last_counts(settings: Settings) -> None:
    write_history(settings, wave(1), source="kaggle", loaded_at=NOW - timedelta(days=1))
    write_history(settings, [7.0] * 1440, source="bitfinex")
    assert set(minutes(settings).prices_df["close"]) == {7.0}


def test_ten_minutes_of_history_are_refused_and_none_at_all_too(settings: Settings) -> None:
    with pytest.raises(HistoryError, match="no minute of BTC-USD"):
        minutes(settings)
    write_history(settings, [1.0] * 10)
    with pytest.raises(HistoryError, match="only 10 minutes of BTC-USD"):
        minutes(settings)
    with pytest.raises(HistoryError, match="only 10 minutes"):
        trained(settings)
    assert training.list_models(settings) == []


def test_a_day_may_lack_a_tenth_of_its_minutes(settings: Settings) -> None:
    quiet: list[float | None] = [None] * 144
    write_history(settings, [*wave(1)[:1200], *quiet, *wave(1)[:96]])
    record = trained(settings, train_days=1)
    assert record.rows == 1296
    assert promotion.check_promotion(
        settings,
        draft_forecast.draft(settings, name=record.model, horizon_minutes=60, now=NOW).forecast_id,
    )
    write_history(settings, [None, 9000.0], start=T0 + timedelta(days=1))
    with pytest.raises(HistoryError, match=r"only 1295 minutes .* a model needs 1296"):
        trained(settings, train_days=1)
    with pytest.raises(HistoryError, match=r"only 1297 minutes .* a model needs 1440"):
        trained(settings)


def test_a_history_of_years_is_read_slice_by_slice_without_a_seam(settings: Settings) -> None:
    archives: list[tuple[int, list[float | None]]] = [
        (0, [1.0, None, 3.0]),
        (180, [4.0]),
        (359, [5.0]),
        (360, [6.0]),
    ]
    for day, closes in archives:
        write_history(settings, closes, start=T0 + timedelta(days=day))
    write_trades(
        settings,
        [
            (T0 + timedelta(days=180, seconds=-1), 7.0),
            (T0 + timedelta(days=180, seconds=1), 8.0),
            (T0 + timedelta(days=540, minutes=1), 9.0),
        ],
    )
    prices_df = minutes(settings, min_minutes=1).prices_df
    days = [0, 2 / 1440, 180 - 1 / 1440, 180, 359, 360]
    assert prices_df["ds"].tolist() == [
        (pd.Timestamp(T0) + pd.Timedelta(minutes=round(day * 1440))).tz_localize(None)
        for day in days
    ]
    assert prices_df["close"].tolist() == [1.0, 3.0, 7.0, 4.0, 5.0, 6.0]
    assert (prices_df["ds"].dtype, prices_df["close"].dtype) == ("datetime64[ns]", "float64")


def test_reading_a_long_history_takes_little_more_memory_than_the_minutes(
    settings: Settings,
) -> None:
    rows = 1_000_000
    stamps = pa.array(np.arange(rows) * 60_000_000).cast(pa.timestamp("us", tz="UTC"))
    table = pa.table(
        {
            "source": pa.repeat("kaggle", rows),
            "symbol": pa.repeat("BTC-USD", rows),
            "minute": stamps,
            "close": pa.repeat(Decimal("9000.12345678"), rows).cast(MONEY),
            "traded": pa.repeat(True, rows),
            "loaded_at": pa.repeat(NOW, rows).cast(UTC_TIME),
        }
    )
    write_deltalake(f"{settings.lake}/history_minutes", table)
    command = [sys.executable, "-m", "tests.support.reading_child", settings.lake]
    child = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    memory_mb = json.loads(child.stdout.splitlines()[-1])
    print(memory_mb)
    assert memory_mb["rows"] == rows
    # 16 MB are the minutes; read in one piece they took 390 more than before, in slices 110
    assert memory_mb["peak"] - memory_mb["before"] < 220, memory_mb


def test_training_twice_on_the_same_minutes_is_one_model(settings: Settings) -> None:
    write_history(settings, wave(3))
    first = trained(settings)
    assert trained(settings, now=NOW + timedelta(days=1)) == first
    assert training.list_models(settings) == [first]
    assert first.fitted_by == "changes"
    assert first.trained_until == datetime(2018, 4, 3, 23, 59, tzinfo=UTC)


def test_a_kept_model_predicts_what_the_fitted_one_does(settings: Settings) -> None:
    write_history(settings, wave(2))
    fitted = fit_recipe(minutes(settings).prices_df, Recipe())
    start = T0 + timedelta(days=2)
    direct = predict.predict(fitted, start_at=start, minutes=90)
    record = trained(settings)
    loaded = training.load_model(settings, record.model)
    loaded_forecast = predict.predict(loaded, start_at=start, minutes=90)
    pd.testing.assert_frame_equal(direct, loaded_forecast)
    with pytest.raises(ForecastError, match="no model"):
        training.load_model(settings, "nonesuch")


def test_the_level_is_prophets_own_in_chunks_or_not(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_history(settings, wave(2))
    fit_result = fit.fit(minutes(settings).prices_df)
    fitted, start = fit_result.prophet, T0 + timedelta(days=2)
    at_once = predict.predict(fit_result, start_at=start, minutes=200)
    ds = pd.DataFrame({"ds": pd.date_range("2018-04-03", periods=200, freq="min")})
    assert at_once["yhat"].to_numpy() == pytest.approx(
        np.exp(fitted.predict(ds)["yhat"].to_numpy())
    )
    monkeypatch.setattr(predict, "CHUNK_MINUTES", 33)
    in_chunks = predict.predict(fit_result, start_at=start, minutes=200)
    pd.testing.assert_frame_equal(in_chunks, at_once)
    assert (at_once["yhat_lower"] <= at_once["yhat"]).all()
    assert (at_once["yhat_upper"] >= at_once["yhat"]).all()


def test_a_forecast_is_drafted_checked_and_published_the_same_twice(settings: Settings) -> None:
    write_history(settings, wave(3))
    record, ids = trained(settings), []
    for day in range(2):
        manifest = draft_forecast.draft(
            settings, name=record.model, horizon_minutes=120, now=NOW + timedelta(days=day)
        )
        draft_df = drafts.load_draft(settings, manifest.forecast_id)
        assert check_forecast(draft_df, settings.lake, run_id="r1", now=NOW) == 120
        ids.append(publishing.publish_draft(settings, manifest.forecast_id))
    assert ids[0] == ids[1]
    forecast = load_current(settings.forecasts)
    assert forecast.manifest.first_ds == record.trained_until + MINUTE
    assert forecast.manifest.model == record.model
    assert forecast.manifest.made_at == NOW
    folder = settings.forecasts / forecast.manifest.forecast_id
    assert forecast.manifest.plots == ("components.png", "forecast_and_actual.png")
    for name in forecast.manifest.plots:
        assert (folder / name).read_bytes().startswith(b"\x89PNG")
    for before, now in itertools.pairwise(forecast.points):
        assert (now.side == "buy") == (now.yhat > before.yhat)
    quality_rows = query(settings.lake, "SELECT count(*), bool_and(success) FROM quality_results")[
        1
    ]
    assert quality_rows[0][0] > 8
    assert quality_rows[0][1]


def test_a_draft_with_a_hole_or_a_nan_does_not_pass_its_gate(settings: Settings) -> None:
    ds = pd.date_range("2018-04-24", periods=5, freq="min", tz="UTC")
    good = pd.DataFrame(
        {"ds": ds, "side": "buy", "yhat": 5.0, "yhat_lower": 4.0, "yhat_upper": 6.0}
    )
    assert check_forecast(good, settings.lake, run_id="a", now=NOW) == 5
    bad = {
        "minute_apart": good.drop(index=2),
        "NotBeNull(yhat)": good.assign(yhat=[5.0, np.nan, 5.0, 5.0, 5.0]),
        "within_bounds": good.assign(yhat_lower=5.5),
        "InSet(side)": good.assign(side="wait"),
    }
    for run, (expectation, draft_df) in enumerate(bad.items()):
        with pytest.raises(GateFailed) as caught:
            check_forecast(draft_df, settings.lake, run_id=str(run), now=NOW)
        assert expectation in str(caught.value)
    with pytest.raises(GateFailed):
        check_forecast(good.head(0), settings.lake, run_id="b", now=NOW)


def test_the_figures_of_a_held_out_day_are_as_worked_out_by_hand() -> None:
    pairs = pd.DataFrame(
        {
            "close": [10.0, 12.0, 12.0, 11.0],
            "yhat": [11.0, 12.0, 13.0, 14.0],
            "yhat_lower": [10.5, 11.0, 12.0, 13.0],
            "yhat_upper": [12.0, 13.0, 14.0, 15.0],
        }
    )
    metrics = error_metrics(pairs, last_price=10.0)
    assert metrics["mae"] == pytest.approx((1 + 0 + 1 + 3) / 4)
    assert metrics["rmse"] == pytest.approx((11 / 4) ** 0.5)
    assert metrics["naive_mae"] == pytest.approx((0 + 2 + 2 + 1) / 4)
    assert metrics["coverage"] == pytest.approx(2 / 4)
    # changes +2, 0, -1 were forecast up each time: the zero has no direction, one of two is right
    assert metrics["hit_rate"] == pytest.approx(0.5)
