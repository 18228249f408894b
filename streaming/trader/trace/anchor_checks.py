"""Whether the re-anchored forecast of a decision follows from the lake's rows. Pure."""

import math
from collections.abc import Sequence

from include.checks import Check
from include.market.anchoring import last_closed_minute, reanchor
from include.market.measures import mid_price
from include.trading.decided_prices import decided_prices
from include.trading.inputs import Inputs
from streaming.trader.lake_forecasts import LakeForecast, make_forecasts
from streaming.trader.trace.checks import TraceRow, forecast_move


def forecast_minutes(inputs: Inputs) -> list[int]:
    """The minutes (µs) whose forecast rows the decision's forecast follows from."""
    forecast, (start, end) = inputs.forecast, forecast_move(inputs)
    if forecast.anchor is None or forecast.trained_until is None:
        return [start, end]
    as_far = forecast.trained_until + end - forecast.anchor.minute
    return [start, end, forecast.anchor.minute, as_far]


def check_anchor(
    forecast_rows: Sequence[TraceRow], priced_rows: Sequence[TraceRow], inputs: Inputs
) -> list[Check]:
    """Anchor, level and bounds, made again from the forecast's rows and the decisions' prices.

    `priced_rows` are the rule's decisions of the day up to this one, oldest first.
    """
    if inputs.forecast.anchor is None or not forecast_rows:
        return []
    (curve,) = make_forecasts(forecast_rows).values()
    return [
        _check_place(inputs),
        _check_volatility(priced_rows, curve, inputs),
        _check_level(curve, inputs),
    ]


def _check_place(inputs: Inputs) -> Check:
    anchor, best = inputs.forecast.anchor, inputs.top.best if inputs.top else None
    assert anchor is not None
    price = mid_price(best) if best else None
    ok = (anchor.minute, anchor.price) == (last_closed_minute(inputs.signal.timestamp), price)
    return Check("forecast's anchor", ok, f"at {anchor.price:f}, the mid price was {price}")


def _check_volatility(
    priced_rows: Sequence[TraceRow], curve: LakeForecast, inputs: Inputs
) -> Check:
    anchor, signal = inputs.forecast.anchor, inputs.signal
    assert anchor is not None
    prices = decided_prices(
        [(row["inputs"], row["bid"], row["ask"], row["reasons"]) for row in priced_rows],
        venue=signal.venue,
        symbol=signal.symbol,
    )
    volatility = prices.volatility() or curve.volatility
    ok = math.isclose(anchor.volatility, volatility, rel_tol=1e-9)
    detail = (
        f"{volatility:.3g} from {len(priced_rows)} decisions, the rule saw {anchor.volatility:.3g}"
    )
    return Check("volatility derived again", ok, detail)


def _check_level(curve: LakeForecast, inputs: Inputs) -> Check:
    decided = inputs.forecast
    assert decided.anchor is not None
    anchored = reanchor(curve, decided.anchor, forecast_move(inputs).end)
    recorded = (decided.level, decided.lower, decided.upper)
    ok = anchored is not None and all(
        was is not None and math.isclose(number, was, rel_tol=1e-9)
        for number, was in zip(anchored, recorded, strict=True)
    )
    detail = "{:.8g}, from {:.8g} to {:.8g}".format(*anchored) if anchored else "none"
    return Check("forecast re-anchored", ok, detail)
