"""A published curve at the present, worked by hand on a file of three rows."""

import hashlib
import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from include.forecast.bands import half_widths, realised_volatility
from include.forecast.forecast_file import publish, read, render
from include.forecast.manifest import Band, Manifest
from include.market.anchoring import Anchor, last_closed_minute, reanchor
from include.market.time import MINUTE_US
from include.market.volatility import DayOfPrices
from streaming.trader.forecasts import PublishedForecast

TEN = datetime(2018, 4, 24, 10, tzinfo=UTC)
TEN_US, MINUTE = 1_524_564_000_000_000, timedelta(minutes=1)
ROWS = [(101.0, 1.01), (102.0, 1.02), (103.0, 1.03)]  # level, upper bound over it


def published(
    folder: Path, rows: list[tuple[float, float]] = ROWS, **changes: Any
) -> PublishedForecast:
    """A file from 10:01 on: training ended at 10:00 with the price 100."""
    content = render(
        (TEN + (n + 1) * MINUTE, "buy", level, level / share, level * share)
        for n, (level, share) in enumerate(rows)
    )
    fields = {
        "forecast_id": "three rows",
        "symbol": "BTC-USD",
        "world": "test",
        "sha256": hashlib.sha256(content).hexdigest(),
        "rows": len(rows),
        "first_ds": TEN + MINUTE,
        "last_ds": TEN + len(rows) * MINUTE,
        "trained_until": TEN,
        "made_at": TEN,
        "model": "m",
        "fitted_by": "hand",
        "versions": {},
        "metrics": {},
        "last_price": 100.0,
        "volatility": 0.002,
        **changes,
    }
    publish(folder, content=content, manifest=Manifest(**fields), keep=1)
    return PublishedForecast(read(folder / "three rows"))


def at(minute: int) -> int:
    return TEN_US + minute * MINUTE_US


def test_level_and_bounds_begin_at_the_last_closed_minute(tmp_path: Path) -> None:
    curve = published(tmp_path)
    anchor = Anchor(at(1), D(202), 0.004)  # twice the published price, twice the volatility
    # a minute on: 202 x 102 / 101; the published bounds a minute after training, twice as far
    assert reanchor(curve, anchor, at(2)) == pytest.approx((204, 204 / 1.01**2, 204 * 1.01**2))
    # two minutes on: 202 x 103 / 101; the published bounds of 10:02, twice as far
    assert reanchor(curve, anchor, at(3)) == pytest.approx((206, 206 / 1.0404, 206 * 1.0404))


def test_at_the_end_of_training_it_is_the_published_file(tmp_path: Path) -> None:
    curve = published(tmp_path)
    anchor = Anchor(at(0), D(100), 0.002)
    for number, (level, share) in enumerate(ROWS):
        expected = pytest.approx((level, level / share, level * share), rel=1e-12)
        assert reanchor(curve, anchor, at(number + 1)) == expected


def test_nothing_is_said_before_the_anchor_and_outside_the_file(tmp_path: Path) -> None:
    curve = published(tmp_path)
    inside = Anchor(at(2), D(1), 0.001)
    assert [reanchor(curve, inside, at(n)) for n in (0, 1, 2, 4)] == [None] * 4
    assert reanchor(curve, inside, at(3)) is not None
    assert reanchor(curve, Anchor(at(-1), D(1), 0.001), at(1)) is None
    priceless = published(tmp_path / "another", last_price=0.0)
    assert reanchor(priceless, Anchor(at(0), D(1), 0.1), at(1)) is None


def test_a_band_without_a_volatility_stays_as_wide(tmp_path: Path) -> None:
    curve = published(tmp_path, volatility=0.0)
    (_, lower, upper) = reanchor(curve, Anchor(at(1), D(101), 0.5), at(2)) or (0, 0, 0)
    assert (lower, upper) == pytest.approx((102 / 1.01, 102 * 1.01))


def test_no_volatility_makes_a_bound_that_is_no_number(tmp_path: Path) -> None:
    wild = published(tmp_path, [(101.0, 1e30), (102.0, 1.5)], volatility=1e-12)
    anchored = reanchor(wild, Anchor(at(1), D(101), 10.0), at(2))
    assert anchored is not None
    assert all(math.isfinite(number) and number > 0 for number in anchored)
    assert anchored.lower < anchored.level < anchored.upper


def test_the_half_width_is_the_bands_own_at_the_minutes_from_the_anchor(tmp_path: Path) -> None:
    band = Band((1, 7, 60), (0.6, 1.4, 4.5))
    ahead = np.arange(1, 200)
    widths = half_widths(band, ahead, volatility=0.002)
    rows = [(100 + math.sin(n), float(np.exp(width))) for n, width in enumerate(widths)]
    curve = published(tmp_path, rows)
    anchor = Anchor(at(40), D("99.5"), 0.0031)
    for minutes in (1, 2, 10, 60, 159):
        anchored = reanchor(curve, anchor, at(40 + minutes))
        assert anchored is not None
        (expected,) = half_widths(band, np.array([minutes]), volatility=0.0031)
        assert math.log(anchored.upper / anchored.level) == pytest.approx(expected, rel=1e-9)
        assert math.log(anchored.level / anchored.lower) == pytest.approx(expected, rel=1e-9)


def test_the_last_closed_minute_is_the_one_that_is_over() -> None:
    assert last_closed_minute(at(1)) == at(0)
    assert last_closed_minute(at(1) + 59_999_999) == at(0)


def test_the_volatility_is_the_root_mean_square_of_changes_over_five_minutes() -> None:
    prices = DayOfPrices()
    for number in range(61):  # up by a factor of e^0.01 in every fifth minute
        prices.add(at(number), 100 * math.exp(0.01 * (number // 5)))
        if number == 59:
            assert prices.volatility() is None, "an hour is not over"
    assert prices.volatility() == pytest.approx(0.01)
    still = DayOfPrices((at(number), 100.0) for number in range(100))
    assert still.volatility() is None, "nothing moved"


@pytest.mark.parametrize("seed", range(6))
def test_it_is_the_volatility_that_bands_are_made_with(seed: int) -> None:
    """Whatever minutes lack a trade, and however long the series is."""
    random = np.random.default_rng(seed)
    size = int(random.integers(70, 4000))
    kept = np.sort(random.choice(size, size=max(size // (1 + seed * 3), 70), replace=False))
    closes = 9000 * np.exp(np.cumsum(random.normal(0, 0.001, size)))[kept]
    times = pd.date_range("2018-04-24 10:00", periods=size, freq="min")[kept]
    expected = realised_volatility(pd.DataFrame({"ds": times, "close": closes}))
    minutes = [at(int(number)) for number in kept]
    prices = DayOfPrices(zip(minutes, closes.tolist(), strict=True))
    assert prices.volatility() == pytest.approx(expected, rel=1e-9)
    again = DayOfPrices()
    for minute, close in zip(minutes, closes.tolist(), strict=True):
        again.add(minute, close)
        again.add(minute, 1.0)  # a minute counts once
        again.add(minute - MINUTE_US, 1.0)  # and in its turn
    assert again.volatility() == prices.volatility()
