"""The trader takes a newer forecast by itself and keeps the good one when the new one is torn."""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from include.forecast.forecast_file import publish, render
from include.forecast.manifest import Manifest
from streaming.trader.forecasts import ForecastWatch

UNTIL = datetime(2018, 4, 24, 5, 0, tzinfo=UTC)
UNTIL_US = 1_524_546_000_000_000
MINUTE = 60_000_000


def put(
    folder: Path, name: str, sides: str, *, world: str = "sim", symbol: str = "BTC-USD"
) -> None:
    minutes = [UNTIL + timedelta(minutes=n + 1) for n in range(len(sides))]
    whole = {"b": "buy", "s": "sell"}
    content = render((at, whole[s], 1.0, 0.5, 1.5) for at, s in zip(minutes, sides, strict=True))
    manifest = Manifest(
        forecast_id=name,
        symbol=symbol,
        world=world,
        sha256=hashlib.sha256(content).hexdigest(),
        rows=len(sides),
        first_ds=minutes[0],
        last_ds=minutes[-1],
        trained_until=UNTIL,
        made_at=UNTIL,
        model="m",
        fitted_by="test",
        versions={},
        metrics={},
    )
    publish(folder, content=content, manifest=manifest, keep=10)


def watch(folder: Path) -> ForecastWatch:
    return ForecastWatch(folder, symbol="BTC-USD", world="sim")


def test_a_published_forecast_is_read_and_a_newer_one_taken(tmp_path: Path) -> None:
    watching = watch(tmp_path)
    assert watching.newest() == (None, None)
    put(tmp_path, "f1", "bs")
    first, fault = watching.newest()
    assert first is not None
    assert (first.forecast_id, first.trained_until, fault) == ("f1", UNTIL_US, None)
    sides = [first.side_at(UNTIL_US + n * MINUTE) for n in range(4)]
    assert sides == [None, "buy", "sell", None]
    put(tmp_path, "f2", "ss")
    second, _ = watching.newest()
    assert second is not None
    assert second.forecast_id == "f2"
    assert watching.newest()[0] is second


def test_a_torn_forecast_is_refused_and_the_good_one_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(tmp_path, "f1", "bs")
    watching, late = watch(tmp_path), watch(tmp_path)
    watching.newest()
    put(tmp_path, "f2", "ss")
    torn = tmp_path / "f2" / "forecast.csv"
    whole = torn.read_bytes()
    torn.write_bytes(whole[:-1])
    for _ in range(3):
        kept, fault = watching.newest()
        assert kept is not None
        assert (kept.forecast_id, fault) == ("f1", None)
    assert late.newest() == (None, "forecast_damaged")
    torn.write_bytes(whole)
    repaired, _ = watching.newest()
    assert repaired is not None
    assert repaired.forecast_id == "f2"


@pytest.mark.parametrize("other", [{"world": "live"}, {"symbol": "ETH-USD"}])
def test_a_forecast_of_something_else_is_refused(tmp_path: Path, other: dict[str, str]) -> None:
    put(tmp_path, "f1", "bs", **other)
    assert watch(tmp_path).newest() == (None, "forecast_foreign")


def test_a_published_forecast_has_its_levels_and_bounds_by_minute(tmp_path: Path) -> None:
    put(tmp_path, "f1", "bs")
    forecast, _ = watch(tmp_path).newest()
    assert forecast is not None
    assert forecast.level_at(UNTIL_US + MINUTE) == forecast.level_at(UNTIL_US + 2 * MINUTE) == 1.0
    assert forecast.bounds_at(UNTIL_US + 2 * MINUTE) == (0.5, 1.5)
    beyond = UNTIL_US + 3 * MINUTE
    assert (forecast.level_at(beyond), forecast.bounds_at(beyond)) == (None, None)
