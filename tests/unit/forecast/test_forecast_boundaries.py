"""What a forecast must not see, where its bounds lie, and what a tie or a flat price means."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from deltalake import write_deltalake

from include.forecast import (
    draft_forecast,
    fit,
    map_fit,
    predict,
    promotion,
    training,
)
from include.forecast.short_term import forecast_soon
from include.quality.results import Finding
from include.settings import Settings
from tests.support.forecast_files import publish_champion
from tests.support.forecast_world import MINUTE, NOW, T0, write_history

DAYS = 4
UTC_TIME = pa.timestamp("us", tz="UTC")


def compare(settings: Settings, prices: list[float], *, known: list[float]) -> Finding:
    """The judgement of a draft on these prices beside a forecast in use that said `known`.

    That one was trained until right before the minutes it forecast, the last of all.
    """
    write_history(settings, list(prices))
    first = T0 + MINUTE * (len(prices) - len(known))
    publish_champion(
        settings.forecasts,
        known,
        first_at=first,
        made_at=NOW - timedelta(days=1),
        trained_from=T0,
        last_price=100.0,
    )
    record = training.train(settings, symbol="BTC-USD", as_of=None, train_days=0, now=NOW)
    draft = draft_forecast.draft(settings, name=record.model, horizon_minutes=2000, now=NOW)
    return promotion.check_promotion(settings, draft.forecast_id)[-1]


def jittered(levels: list[tuple[float, int]]) -> list[float]:
    """Prices at these levels for so many minutes each, a hundredth of a per cent to and fro."""
    return [
        level * (1 + 1e-4 * (minute % 2)) for level, minutes in levels for minute in range(minutes)
    ]


def judged_by(settings: Settings, *, windows: int) -> Settings:
    rules = replace(settings.forecast, judge_windows=windows, judge_window_minutes=1440)
    return replace(settings, forecast=rules)


def test_a_candidate_is_judged_without_the_minutes_of_the_window(settings: Settings) -> None:
    """All it can know is 100; whoever had seen a minute of the window would be nearer to 200."""
    prices = jittered([(100.0, DAYS * 1440 - 1440), (200.0, 1440)])
    finding = compare(judged_by(settings, windows=1), prices, known=prices[-1440:])
    assert not finding.ok
    ours, theirs = (float(finding.detail.split()[place]) for place in (3, 5))
    assert ours == pytest.approx(100, abs=0.5)
    assert theirs == pytest.approx(0, abs=0.05)


def test_worse_in_half_of_the_windows_is_no_refusal(settings: Settings) -> None:
    """A day at the only price ever, where the one in use is wrong, and a day after a jump."""
    prices = jittered([(100.0, DAYS * 1440 - 1440), (150.0, 1440)])
    known = jittered([(101.0, 1440), (151.5, 1440)])
    finding = compare(judged_by(settings, windows=2), prices, known=known)
    assert "worse from 1 of 2 origins" in finding.detail
    assert finding.ok


def test_the_bounds_of_white_noise_hold_eight_tenths_of_it() -> None:
    """The 90th percentile of a normal distribution lies at 1.2816 of its standard deviation."""
    draw, noise = np.random.default_rng(4), 0.01
    ds = pd.date_range("2026-04-20", periods=3 * 1440, freq="min")
    closes = 100 * np.exp(draw.normal(0, noise, len(ds)))
    fitted = fit.fit(pd.DataFrame({"ds": ds, "close": closes}))
    start = ds[-1].tz_localize("UTC") + pd.Timedelta(minutes=1)
    forecast_df = predict.predict(fitted, start_at=start, minutes=60)
    for column in ("yhat_lower", "yhat_upper"):
        distances = np.abs(np.log(forecast_df[column] / forecast_df["yhat"])) / noise
        assert float(distances.mean()) == pytest.approx(1.2816, rel=0.1)


def test_the_fit_stops_where_further_steps_move_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """So the sums of one machine and those of many in Spark end at the same parameters."""
    draw = np.random.default_rng(9)
    ds = pd.date_range("2026-04-01", periods=5 * 1440, freq="min")
    frame = pd.DataFrame(
        {"ds": ds, "close": 9000 * np.exp(np.cumsum(draw.normal(0, 1e-3, len(ds))))}
    )
    stopped = fit.fit(frame).prophet.params
    monkeypatch.setattr(map_fit, "TOLERANCE", 0.0)
    monkeypatch.setattr(map_fit, "STILL", 0.0)
    monkeypatch.setattr(map_fit, "STEPS", 20_000)
    converged = fit.fit(frame).prophet.params
    for name in ("k", "m", "delta", "beta", "sigma_obs"):
        assert np.abs(stopped[name] - converged[name]).max() < 1e-7, name


def test_a_flat_forecast_says_sell() -> None:
    ds = pd.date_range("2026-04-24", periods=4, freq="min")
    flat = pd.DataFrame({"ds": ds, "yhat": [100.0, 100.0, 101.0, 101.0]})
    forecast_df = flat.assign(yhat_lower=99.0, yhat_upper=102.0)
    sides = [side for _, side, *_ in draft_forecast.add_sides(forecast_df, hold_bps=0.0)]
    assert sides == ["sell", "buy", "sell"]


def tickers(symbol: str, last_second: int) -> Iterator[dict[str, object]]:
    """A ticker in each of ten minutes' seconds, the last one at this second."""
    for second in range(last_second - 599, last_second + 1):
        at = datetime(2026, 4, 24, 5, 0, tzinfo=UTC) + timedelta(seconds=second)
        yield {
            "venue": "gemini",
            "symbol": symbol,
            "venue_time": at,
            "received_time": at,
            "last": Decimal(100 + second % 7),
        }


def test_a_symbol_whose_last_ticker_is_three_minutes_old_is_left_out(settings: Settings) -> None:
    rows = [*list(tickers("ETH-USD", 1020)), *list(tickers("BTC-USD", 1200))[-10:]]
    schema = pa.schema(
        [
            ("venue", pa.string()),
            ("symbol", pa.string()),
            ("venue_time", UTC_TIME),
            ("received_time", UTC_TIME),
            ("last", pa.decimal128(20, 8)),
        ]
    )
    write_deltalake(f"{settings.lake}/tickers", pa.Table.from_pylist(rows, schema=schema))
    short_run = forecast_soon(settings, now=NOW)
    assert short_run is not None and short_run.rows_by_symbol == {}
    assert short_run.left_out == {
        "BTC-USD": "10 seconds with a ticker; 300 are needed",
        "ETH-USD": "its last ticker is 0 days 00:03:00 old",
    }
