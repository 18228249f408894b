"""The move that a decision acts on and its side, worked by hand from a file of three rows."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from include.forecast.draft_forecast import add_sides
from include.forecast.forecast_file import load_current, publish, render
from include.market.predicted_move import bps_of, move_ahead, side_of
from streaming.trader.forecasts import PublishedForecast
from tests.support.forecast_files import made

TEN = datetime(2018, 4, 24, 10, tzinfo=UTC)
TEN_US = 1_524_564_000_000_000
MINUTE, MINUTE_US = timedelta(minutes=1), 60_000_000
# 10:00 is the level at training's end; the file has the three minutes after it.
CLOSES = [100.0, 100.02, 100.01, 100.01]


def rows(hold_bps: float) -> list[tuple[datetime, str, float, float, float]]:
    levels_df = pd.DataFrame({"ds": pd.date_range("2018-04-24 10:00", periods=4, freq="min")})
    for name in ("yhat", "yhat_lower", "yhat_upper"):
        levels_df[name] = CLOSES
    return list(add_sides(levels_df, hold_bps=hold_bps))


def test_the_side_at_a_minute_is_the_move_into_it() -> None:
    # into 10:01 +2 bps (from training's end), into 10:02 -1 bps, into 10:03 nothing
    assert [(at, side) for at, side, *_ in rows(0.0)] == [
        (TEN + MINUTE, "buy"),
        (TEN + 2 * MINUTE, "sell"),
        (TEN + 3 * MINUTE, "sell"),  # the original's meaning: no rise is a sale
    ]


def test_a_move_below_the_threshold_is_hold() -> None:
    assert [side for _, side, *_ in rows(0.5)] == ["buy", "sell", "hold"]
    assert [side for _, side, *_ in rows(1.5)] == ["buy", "hold", "hold"]
    assert [side for _, side, *_ in rows(2.5)] == ["hold", "hold", "hold"]


def test_at_ten_oh_one_the_change_into_ten_oh_two_is_looked_up(tmp_path: Path) -> None:
    content = render(rows(0.0))
    from hashlib import sha256

    digest = sha256(content).hexdigest()
    span = {"first_ds": TEN + MINUTE, "last_ds": TEN + 3 * MINUTE, "trained_until": TEN}
    _, manifest = made(100.0, sha256=digest, rows=3, **span)
    publish(tmp_path, content=content, manifest=manifest, keep=3)
    forecast = PublishedForecast(load_current(tmp_path))
    move = move_ahead(TEN_US + MINUTE_US, lookahead_minutes=1)
    assert move == (TEN_US + MINUTE_US, TEN_US + 2 * MINUTE_US)
    assert (forecast.level_at(move.start), forecast.level_at(move.end)) == (100.02, 100.01)
    assert forecast.side_at(move.end) == "sell"
    assert forecast.side_at(move.start) == "buy"  # now
    assert forecast.level_at(TEN_US) is None


@pytest.mark.parametrize(
    ("before", "after", "hold_bps", "side"),
    [
        (100.0, 100.01, 0.0, "buy"),
        (100.0, 99.99, 0.0, "sell"),
        (100.0, 100.0, 0.0, "sell"),
        (200.0, 201.0, 50.0, "buy"),  # 50 bps are not below 50
        (200.0, 201.0, 50.1, "hold"),
        (200.0, 199.0, 50.1, "hold"),
    ],
)
def test_the_side_of_a_move(before: float, after: float, hold_bps: float, side: str) -> None:
    assert side_of(before, after, hold_bps=hold_bps) == side


def test_a_move_in_basis_points() -> None:
    assert bps_of(200.0, 201.0) == pytest.approx(50.0)
    assert bps_of(200.0, 199.0) == pytest.approx(-50.0)
