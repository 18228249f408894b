"""One time from the future in the lake takes no minute from training, nor a short forecast."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from include.forecast.history import training_minutes
from include.lake.tickers import newest_seconds
from tests.support.lake_of_rows import DAY, put

MINUTES, SECONDS = 1500, 400
AHEAD = [timedelta(seconds=290), timedelta(hours=20)]  # what a decoder takes, and what the lake


def trade(number: int, made_at: Any, received_at: Any) -> dict[str, Any]:
    key = {"venue": "gemini", "symbol": "BTC-USD", "trade_id": str(number), "side": "buy"}
    amounts = {"price": Decimal(100), "quantity": Decimal(1)}
    return key | amounts | {"traded_at": made_at, "received_time": received_at}


def ticker(symbol: str, made_at: Any, received_at: Any) -> dict[str, Any]:
    key = {"venue": "binance", "symbol": symbol, "last": Decimal(100)}
    return key | {"venue_time": made_at, "received_time": received_at}


@pytest.mark.parametrize("ahead", AHEAD)
def test_training_ends_with_the_last_trade_that_is_believed(
    tmp_path: Path, ahead: timedelta
) -> None:
    times = [DAY + timedelta(minutes=number) for number in range(MINUTES)]
    rows = [trade(number, at, at) for number, at in enumerate(times)]
    put(tmp_path, "trades", [*rows, trade(MINUTES, times[-1] + ahead, times[-1])])
    trained = training_minutes(str(tmp_path), symbol="BTC-USD", as_of=None, train_days=1)
    assert (trained.as_of, len(trained.prices_df)) == (times[-1], 1440)


@pytest.mark.parametrize("ahead", [timedelta(hours=1), timedelta(days=25_000)])
@pytest.mark.parametrize("is_apart", [False, True])
def test_a_clock_that_dates_receipt_ahead_too_ends_neither(
    tmp_path: Path, ahead: timedelta, is_apart: bool
) -> None:
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    times = [now - timedelta(minutes=MINUTES - number) for number in range(MINUTES)]
    trades = [trade(number, at, at) for number, at in enumerate(times)]
    seconds = [now - timedelta(seconds=SECONDS - number) for number in range(SECONDS)]
    tickers = [ticker("BTC-USDT", at, at) for at in seconds]
    bad_trade = trade(9999, now + ahead, now + ahead)
    bad_ticker = ticker("ETH-USDT", now + ahead, now + ahead)
    for name, rows, bad in (("trades", trades, bad_trade), ("tickers", tickers, bad_ticker)):
        for part in [rows, [bad]] if is_apart else [[*rows, bad]]:
            put(tmp_path, name, part)
    trained = training_minutes(str(tmp_path), symbol="BTC-USD", as_of=None, train_days=1)
    assert trained.trained_until == times[-2]  # the newest trade's own minute may not be over
    seconds_df = newest_seconds(str(tmp_path), seconds=SECONDS)
    assert set(seconds_df["symbol"]) == {"BTC-USDT"}
    assert seconds_df["ds"].max() == seconds[-1].replace(tzinfo=None)


@pytest.mark.parametrize("ahead", AHEAD)
def test_a_ticker_from_the_future_makes_no_other_symbol_stale(
    tmp_path: Path, ahead: timedelta
) -> None:
    times = [DAY + timedelta(seconds=number) for number in range(SECONDS)]
    rows = [ticker("BTC-USDT", at, at) for at in times]
    put(tmp_path, "tickers", [*rows, ticker("ETH-USDT", times[-1] + ahead, times[-1])])
    seconds_df = newest_seconds(str(tmp_path), seconds=SECONDS)
    assert seconds_df.groupby("symbol")["ds"].count().to_dict() == {"BTC-USDT": 400, "ETH-USDT": 1}
    assert seconds_df["ds"].max() == times[-1].replace(tzinfo=None)


def test_a_trade_of_2099_beside_a_market_of_years_ago_takes_none_of_its_days(
    tmp_path: Path,
) -> None:
    times = [DAY.replace(year=2018) + timedelta(minutes=number) for number in range(MINUTES)]
    rows = [trade(number, at, at) for number, at in enumerate(times)]
    future = DAY.replace(year=2099)
    put(tmp_path, "trades", [*rows, trade(MINUTES, future, future)])
    trained = training_minutes(str(tmp_path), symbol="BTC-USD", as_of=None, train_days=1)
    assert (trained.trained_until, len(trained.prices_df)) == (times[-2], 1440)
