"""The first rule: the forecast gives the side, the ask/bid liquidity ratio says whether to buy."""

from decimal import Decimal

from include.market.events import Side
from include.trading.inputs import MINUTE_US, Inputs
from include.trading.rule import Wish


class ForecastAndRatio:
    """Forecast sell: sell all. Forecast buy and the ratio within bounds: buy.

    Staleness of the forecast is measured at the window's end.
    """

    name = "forecast_and_ratio"
    signal_type = "price_volume"

    def wish(self, inputs: Inputs) -> Wish:
        """The forecast's side, unless the forecast is missing, stale, silent or from the future."""
        forecast, now = inputs.forecast, inputs.signal.timestamp
        if forecast.fault or forecast.trained_until is None:
            return Wish(None, [forecast.fault or "forecast_missing"])
        if forecast.trained_until + MINUTE_US > now:  # the last minute it saw was not over yet
            return Wish(None, ["forecast_ahead"])
        if now - forecast.trained_until > inputs.parameters.forecast_stale_us:
            return Wish(None, ["forecast_stale"])
        return Wish(forecast.side, [] if forecast.side else ["forecast_silent"])

    def objections(self, inputs: Inputs, *, side: Side, price: Decimal) -> list[str]:
        """A ratio out of its bounds forbids to buy."""
        low, high = inputs.parameters.ratio_low, inputs.parameters.ratio_high
        inside = low < inputs.signal.value < high
        return [] if side == "sell" or inside else ["ratio_out_of_range"]
