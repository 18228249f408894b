"""The first rule: the forecast gives the side, the ask/bid liquidity ratio says whether to buy."""

from decimal import Decimal

from include.market.events import Side
from include.market.time import MINUTE_US
from include.trading.inputs import Inputs
from include.trading.reasons import Reason
from include.trading.rule import DesiredSide


class ForecastAndRatio:
    """Forecast sell: sell all. Forecast buy and the ratio within bounds: buy.

    Staleness of the forecast is measured at the window's end.
    """

    name = "forecast_and_ratio"
    signal_type = "price_volume"

    def desired_side(self, inputs: Inputs) -> DesiredSide:
        """The forecast's side, unless the forecast is missing, stale, silent or from the future."""
        forecast, window_end = inputs.forecast, inputs.signal.timestamp
        if forecast.fault or forecast.trained_until is None:
            return DesiredSide(None, [forecast.fault or Reason.FORECAST_MISSING])
        if forecast.trained_until + MINUTE_US > window_end:  # its last minute was not over yet
            return DesiredSide(None, [Reason.FORECAST_AHEAD])
        if window_end - forecast.trained_until > inputs.parameters.forecast_stale_us:
            return DesiredSide(None, [Reason.FORECAST_STALE])
        return DesiredSide(forecast.side, [] if forecast.side else [Reason.FORECAST_SILENT])

    def vetoes(self, inputs: Inputs, *, side: Side, price: Decimal) -> list[Reason]:
        """A ratio out of its bounds forbids to buy."""
        low, high = inputs.parameters.ratio_low, inputs.parameters.ratio_high
        inside = low < inputs.signal.value < high
        return [] if side == "sell" or inside else [Reason.RATIO_OUT_OF_RANGE]
