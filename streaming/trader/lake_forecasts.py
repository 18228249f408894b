"""Forecasts as the lake's table has them, as the rule asks them, and which was in use when."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

from include.forecast.publications import PublicationLog
from include.market.predicted_move import ForecastSide, minute_of
from include.market.time import MINUTE_US, to_epoch_us
from include.trading.inputs import ForecastSides

_Sides = TypeVar("_Sides", bound=ForecastSides)


class _Point(NamedTuple):
    side: ForecastSide
    yhat: float
    lower: float | None
    upper: float | None


class LakeForecast:
    """One forecast: those of its minutes whose rows were read."""

    def __init__(
        self, forecast_id: str, trained_until: int, *, last_price: float | None, volatility: float
    ) -> None:
        """`trained_until` (µs) is the last minute of training, with that close."""
        self.forecast_id, self.trained_until = forecast_id, trained_until
        self.volatility, self._last_price = volatility, last_price
        self._points: dict[int, _Point] = {}

    def add(self, row: Mapping[str, Any]) -> None:
        """Take a row of `forecasts` in."""
        bounds = row.get("yhat_lower"), row.get("yhat_upper")
        self._points[to_epoch_us(row["ds"])] = _Point(row["side"], row["yhat"], *bounds)

    def side_at(self, minute_us: int) -> ForecastSide | None:
        """The side of the move into the minute that holds this time (µs)."""
        point = self._points.get(minute_of(minute_us))
        return point.side if point else None

    def level_at(self, minute_us: int) -> float | None:
        """The predicted close of that minute, at training's end the last price; null outside."""
        if minute_of(minute_us) == self.trained_until:
            return self._last_price
        point = self._points.get(minute_of(minute_us))
        return point.yhat if point else None

    def bounds_at(self, minute_us: int) -> tuple[float, float] | None:
        """The 80 % bounds of that minute; null outside, and where the row has none."""
        point = self._points.get(minute_of(minute_us))
        if point is None or point.lower is None or point.upper is None:
            return None
        return point.lower, point.upper


def make_forecasts(forecast_rows: Iterable[Mapping[str, Any]]) -> dict[str, LakeForecast]:
    """The forecasts of these rows by their ids; columns that an older table lacks are null."""
    forecasts: dict[str, LakeForecast] = {}
    for row in forecast_rows:
        name = row["forecast_id"]
        if name not in forecasts:
            forecasts[name] = LakeForecast(
                name,
                to_epoch_us(row["trained_until"]),
                last_price=row.get("last_price"),
                volatility=row.get("volatility") or 0.0,
            )
        forecasts[name].add(row)
    return forecasts


def forecast_in_use(
    forecasts: Mapping[str, _Sides], log: PublicationLog, moment_us: int, *, is_recorded: bool
) -> _Sides | None:
    """The forecast (by its id) that was in use at a moment: the one published last until then.

    One whose last minute was not over is passed over. Before the log begins it is the one trained
    last: of a recorded market any, since its time is not that of publishing; else those that no
    log has.
    """
    candidates = {
        name: forecast
        for name, forecast in forecasts.items()
        if forecast.trained_until + MINUTE_US <= moment_us
    }
    for forecast_id in log.published_until(moment_us):
        if forecast_id in candidates or forecast_id not in forecasts:
            return candidates.get(forecast_id)
    unlogged = [
        forecast
        for name, forecast in candidates.items()
        if is_recorded or name not in log.forecast_ids
    ]
    return max(unlogged, key=lambda f: (f.trained_until, f.forecast_id), default=None)
