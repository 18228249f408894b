"""The next minutes start at the last price, by the tickers' own clock, whatever the venue count."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from deltalake import write_deltalake

from include.errors import HistoryError
from include.forecast.evaluation import NAIVE
from include.forecast.evaluation_report import evaluate_short_term
from include.forecast.short_term import forecast_seconds
from include.lake.reading import open_table
from include.lake.tickers import newest_seconds
from include.settings import Settings

T0 = datetime(2026, 4, 24, 5, 0, 0, tzinfo=UTC)
UTC_TIME = pa.timestamp("us", tz="UTC")
SCHEMA = pa.schema(
    [
        ("venue", pa.string()),
        ("symbol", pa.string()),
        ("venue_time", UTC_TIME),
        ("received_time", UTC_TIME),
        ("last", pa.decimal128(20, 8)),
    ]
)


def write_tickers(
    settings: Settings,
    rows: list[tuple[str, str, datetime | None, float]],
    received: datetime | None = None,
) -> None:
    records = [
        {
            "venue": venue,
            "symbol": symbol,
            "venue_time": at,
            "last": Decimal(str(last)),
            "received_time": received or at,
        }
        for venue, symbol, at, last in rows
    ]
    write_deltalake(
        f"{settings.lake}/tickers", pa.Table.from_pylist(records, schema=SCHEMA), mode="append"
    )


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def hour(**more: Any) -> pd.DataFrame:
    draw = np.random.default_rng(2)
    ds = pd.date_range("2026-04-24 05:00:07", periods=3600, freq="s")
    return pd.DataFrame({"ds": ds, "close": 9000 + np.cumsum(draw.normal(0, 0.5, 3600)), **more})


def test_a_second_is_the_median_of_one_venues_tickers_and_old_ones_are_not_read(
    settings: Settings,
) -> None:
    assert newest_seconds(settings.lake, seconds=10).empty
    write_tickers(settings, [("gemini", "BTC-USD", at(-11), 1.0)])
    write_tickers(
        settings,
        [
            ("gemini", "BTC-USD", at(0.1), 10.0),
            ("gemini", "BTC-USD", at(0.9), 11.0),
            ("bitstamp", "BTC-USD", at(0.5), 90.0),
            ("binance", "ETH-USDT", at(1), 5.0),
        ],
    )
    for venues, close in ((("gemini",), 10.5), (("kraken", "bitstamp"), 90.0), ((), 90.0)):
        seconds_df = newest_seconds(settings.lake, seconds=10, venues=venues)
        assert list(seconds_df.itertuples(index=False, name=None)) == [
            ("BTC-USD", pd.Timestamp("2026-04-24 05:00:00"), close),
            ("ETH-USDT", pd.Timestamp("2026-04-24 05:00:01"), 5.0),
        ]


def test_a_tape_of_long_ago_is_read_by_its_own_clock(settings: Settings) -> None:
    rows = [("gemini", "BTC-USD", at(n), float(n + 1)) for n in (0, 5, 20)]
    write_tickers(settings, rows, received=datetime(2031, 1, 1, tzinfo=UTC))  # type: ignore[arg-type]
    seconds_df = newest_seconds(settings.lake, seconds=16)
    assert seconds_df["close"].tolist() == [6.0, 21.0]


def test_a_ticker_without_the_venues_time_counts_by_its_receipt(settings: Settings) -> None:
    write_tickers(settings, [("x", "BTC-USD", None, 3.0)], received=at(3))
    assert newest_seconds(settings.lake, seconds=9)["ds"].tolist() == [
        pd.Timestamp("2026-04-24 05:00:03")
    ]


def test_the_forecast_is_of_every_second_and_leaves_from_the_last_price() -> None:
    seconds_df = hour()
    forecast_df = forecast_seconds(seconds_df, seconds=600)
    # the last second is 06:00:06
    assert forecast_df["ds"].tolist() == list(
        pd.date_range("2026-04-24 06:00:07", periods=600, freq="s")
    )
    last = seconds_df["close"].iloc[-1]
    assert forecast_df["yhat"].to_numpy() == pytest.approx(last, rel=1e-12)
    assert (forecast_df["yhat_lower"] < last).all()
    # a step of 0.5 a second: 80 % of a walk's prices h seconds later lie within 1.28 * 0.5 sqrt(h)
    ahead = np.array([10, 60, 300])
    widths = forecast_df["yhat_upper"].to_numpy()[ahead - 1] - last
    assert widths == pytest.approx(1.28 * 0.5 * np.sqrt(ahead), rel=0.3)


def test_an_hours_slope_is_not_continued() -> None:
    for slope in (0.2, -0.2):
        closes = 9000 + slope * np.arange(3600)
        forecast_df = forecast_seconds(hour(close=closes), seconds=600)
        assert forecast_df["yhat"].to_numpy() == pytest.approx(closes[-1], rel=1e-12)


def test_an_hour_without_a_change_has_no_forecast_and_says_why() -> None:
    with pytest.raises(HistoryError, match="the price is 9000 without a change from"):
        forecast_seconds(hour(close=9000.0), seconds=600)


def test_the_same_hour_gives_the_same_forecast() -> None:
    pd.testing.assert_frame_equal(
        forecast_seconds(hour(), seconds=600), forecast_seconds(hour(), seconds=600)
    )


def test_a_verb_judges_the_short_forecasts_by_tickers_in_minutes_ahead(settings: Settings) -> None:
    draw = np.random.default_rng(5)
    prices = 9000 + np.cumsum(draw.normal(0, 0.5, 5400))
    rows = [("gemini", "BTC-USD", at(n), round(float(p), 2)) for n, p in enumerate(prices)]
    write_tickers(settings, rows)  # type: ignore[arg-type]
    evaluation = evaluate_short_term(settings, symbol="BTC-USD", run_id="run-1", now=at(6000))
    table = open_table(settings.lake, "forecast_evaluations")
    assert table is not None
    landed_df = table.to_pyarrow_table().to_pandas()
    ours_df = landed_df[landed_df["forecaster"] == "short-term"].sort_values("horizon_minutes")
    assert ours_df["horizon_minutes"].tolist() == [1, 2, 5, 10]
    assert set(landed_df["run_id"]) == {"run-1"}
    assert set(landed_df["forecaster"]) == {"short-term", *NAIVE}
    # the level is the last price: the errors are its own, by hand from the last of the origins
    assert ours_df["error_ratio"].to_numpy() == pytest.approx(1.0, abs=1e-9)
    origin = evaluation.pairs["origin"].max()
    last_df = evaluation.pairs[evaluation.pairs["origin"] == origin]
    by_hand = np.round(prices, 2)[-600:]
    assert last_df["close"].to_numpy() == pytest.approx(by_hand)
    assert last_df["short-term"].to_numpy() == pytest.approx(np.round(prices, 2)[-601])


def test_a_symbol_without_a_ticker_cannot_be_judged(settings: Settings) -> None:
    write_tickers(settings, [("gemini", "BTC-USD", at(0), 1.0)])
    with pytest.raises(HistoryError, match="no ticker of ETH-USD has landed"):
        evaluate_short_term(settings, symbol="ETH-USD", run_id="run-1", now=at(1))
