"""Which forecast was in force at a signal: never one that knows later minutes."""

import hashlib
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from include.errors import QueryError
from include.forecast.forecast_file import publish, render
from include.forecast.manifest import Manifest
from include.settings import Settings, load
from include.trading.inputs import Signal
from streaming.trader.forecasts import PublishedForecasts
from streaming.trader.rehearsal.lake import LakeSpan

NOON = datetime(2018, 4, 24, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
STAMP = pa.timestamp("us", tz="UTC")


def signal(minutes: float) -> Signal:
    """A signal whose window ended so many minutes after noon."""
    end = int((NOON + minutes * MINUTE).timestamp() * 1_000_000)
    return Signal("gemini", "BTC-USD", "price_volume", D(1), end, end - 60_000_000)


def publish_two(folder: Path) -> None:
    """`early` is trained until noon, `late` until 12:10; a minute is over when it is known."""
    for name, until in (("early", NOON), ("late", NOON + 10 * MINUTE)):
        content = render([(NOON, "buy", 1.0, 1.0, 1.0)])
        publish(
            folder,
            content=content,
            keep=5,
            manifest=Manifest(
                forecast_id=name,
                symbol="BTC-USD",
                world="sim",
                rows=1,
                first_ds=NOON,
                last_ds=NOON,
                sha256=hashlib.sha256(content).hexdigest(),
                trained_until=until,
                made_at=until,
                model="m",
                fitted_by="nobody",
                versions={},
                metrics={},
            ),
        )


CASES = [(1.0, "early"), (10.99, "early"), (11.0, "late"), (60.0, "late")]


@pytest.mark.parametrize(("minutes", "name"), CASES)
def test_a_published_forecast_is_in_force_once_its_last_minute_is_over(
    tmp_path: Path, minutes: float, name: str
) -> None:
    publish_two(tmp_path)
    found, fault = PublishedForecasts(tmp_path, symbol="BTC-USD").in_force(signal(minutes))
    assert found is not None
    assert (found.forecast_id, fault) == (name, None)


def test_before_all_forecasts_the_earliest_is_shown_for_the_rule_to_refuse(tmp_path: Path) -> None:
    publish_two(tmp_path)
    found, _ = PublishedForecasts(tmp_path, symbol="BTC-USD").in_force(signal(0.5))
    assert found is not None
    assert found.forecast_id == "early"
    assert PublishedForecasts(tmp_path, symbol="ETH-USD").in_force(signal(5)) == (None, None)


def test_a_damaged_forecast_is_passed_over_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    publish_two(tmp_path)
    (csv,) = (tmp_path / "late").glob("*.csv")
    csv.write_bytes(csv.read_bytes()[:-1])
    found, _ = PublishedForecasts(tmp_path, symbol="BTC-USD").in_force(signal(60))
    assert found is not None
    assert found.forecast_id == "early"
    assert "forecast refused reason=forecast_damaged" in caplog.text


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    found = load({"TICKHOUSE_VAR": str(tmp_path / "var")})
    about = {"venue": ["gemini"], "symbol": ["BTC-USD"]}
    for table in ("signals", "book_changes"):
        write_deltalake(f"{found.lake}/{table}", pa.table(about))
    untils = [NOON, NOON + 10 * MINUTE]
    write_deltalake(
        f"{found.lake}/forecasts",
        pa.table(
            {
                # the trader never sees a short-term forecast, however fresh it is
                "forecast_id": ["early", "late", "short-20180424T120500"],
                "symbol": ["BTC-USD"] * 3,
                "ds": pa.array([NOON + 5 * MINUTE] * 3, STAMP),
                "side": ["buy", "sell", "sell"],
                "yhat": [1.0] * 3,
                "trained_until": pa.array([*untils, NOON + 5 * MINUTE], STAMP),
            }
        ),
    )
    return found


@pytest.mark.parametrize(("minutes", "name"), [(0.99, None), *CASES])
def test_a_forecast_of_the_lake_is_in_force_once_its_last_minute_is_over(
    settings: Settings, minutes: float, name: str | None
) -> None:
    span = LakeSpan(settings, start_at=NOON, end_at=NOON + 60 * MINUTE)
    found, fault = span.in_force(signal(minutes))
    assert (found.forecast_id if found else None, fault) == (name, None)


def test_a_lake_without_signals_is_reported(tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="no book_changes and no signals yet"):
        LakeSpan(load({"TICKHOUSE_VAR": str(tmp_path)}), start_at=NOON, end_at=NOON + MINUTE)
