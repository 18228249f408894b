"""The price axis follows the prices; far bounds of a forecast are cut off, and it is said."""

import pytest

from streaming.dashboard.axis import exceeds, fit_limits
from streaming.dashboard.columns import Columns

NOTHING: Columns = {"x": [], "yhat": [], "lower": [], "upper": []}


def band(lower: float, yhat: float, upper: float) -> Columns:
    return {"x": [1.0], "yhat": [yhat], "lower": [lower], "upper": [upper]}


def columns(forecast: Columns = NOTHING, short_term: Columns = NOTHING) -> dict[str, Columns]:
    prices: Columns = {"x": [0.0, 1.0, 2.0], "y": [1000.0, float("nan"), 1010.0]}
    return {"price_gemini": prices, "forecast": forecast, "short_term": short_term}


def test_prices_alone_have_an_eighth_of_spare_room() -> None:
    assert fit_limits(columns()) == pytest.approx((1000 - 1.2, 1010 + 1.2))
    assert fit_limits({**columns(), "price_gemini": {"x": [], "y": []}}) is None


def test_near_bounds_are_on_the_axis_whole() -> None:
    near = band(995.0, 1005.0, 1018.0)  # 23 wide
    axis = fit_limits(columns(near))
    assert axis == pytest.approx((995 - 2.76, 1018 + 2.76))
    assert not exceeds(near, axis)


def test_far_bounds_get_as_much_as_the_prices_and_no_more() -> None:
    far = band(500.0, 1005.0, 9000.0)  # 10 below, 10 above: 30 in all, 3.6 to spare
    axis = fit_limits(columns(far))
    assert axis == pytest.approx((990 - 3.6, 1020 + 3.6))
    assert exceeds(far, axis)


def test_a_forecast_far_off_leaves_the_prices_a_third_of_the_axis() -> None:
    low, high = fit_limits(columns(band(1, 2, 3), short_term=band(1e6, 1e6, 1e6))) or (0, 0)
    assert (1010 - 1000) / (high - low) > 0.25


def test_a_market_that_stands_still_has_an_axis_all_the_same() -> None:
    still: dict[str, Columns] = {
        "price_gemini": {"x": [1.0], "y": [1000.0]},
        "forecast": NOTHING,
        "short_term": NOTHING,
    }
    assert fit_limits(still) == pytest.approx((999, 1001))
