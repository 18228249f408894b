"""The first rule: the forecast gives the side, the ask/bid liquidity ratio decides whether to buy.

A window whose book changed on one side only, or not at all, has no ratio: it may lead to a sale.
"""

from decimal import Decimal

from include.market.events import Side
from include.market.time import MINUTE_US
from include.trading.inputs import Inputs
from include.trading.money import BPS
from include.trading.reasons import Reason
from include.trading.rule import DesiredSide


class ForecastAndRatio:
    """Forecast sell: sell all. Forecast buy and the ratio within bounds: buy.

    Staleness of the forecast is measured at the window's end.
    """

    name = "forecast_and_ratio"
    signal_type = "price_volume"
    source_digest = None

    def desired_side(self, inputs: Inputs) -> DesiredSide:
        """The forecast's side, unless the forecast is missing, stale, silent or from the future."""
        forecast, window_end = inputs.forecast, inputs.signal.timestamp
        if forecast.fault or forecast.trained_until is None:
            return DesiredSide(None, [forecast.fault or Reason.FORECAST_MISSING])
        if forecast.trained_until + MINUTE_US > window_end:  # its last minute was not over yet
            return DesiredSide(None, [Reason.FORECAST_AHEAD])
        if window_end - forecast.trained_until > inputs.parameters.forecast_stale_us:
            return DesiredSide(None, [Reason.FORECAST_STALE])
        if forecast.side is None:
            return DesiredSide(None, [Reason.FORECAST_SILENT])
        if forecast.side == "hold":
            return DesiredSide(None, [Reason.FORECAST_HOLD])
        return DesiredSide(forecast.side, [])

    def objections(self, inputs: Inputs, *, side: Side, price: Decimal) -> list[Reason]:
        """No ratio, one out of its bounds, and a rise that does not pay its cost forbid to buy."""
        if side == "sell":
            return []
        signal, parameters = inputs.signal, inputs.parameters
        reasons = []
        if signal.type != self.signal_type:
            reasons.append(Reason.RATIO_MISSING)
        elif not parameters.ratio_low < signal.value < parameters.ratio_high:
            reasons.append(Reason.RATIO_OUT_OF_RANGE)
        if parameters.edge_times > 0 and _is_edge_small(inputs, price):
            reasons.append(Reason.EDGE_BELOW_COST)
        return reasons


def _is_edge_small(inputs: Inputs, price: Decimal) -> bool:
    """Whether the predicted rise is below what buying at `price` and selling at the bid costs."""
    best, parameters = inputs.top.best if inputs.top else None, inputs.parameters
    rise_bps = inputs.forecast.rise_bps
    if rise_bps is None or best is None:
        return True
    fee = parameters.fee_bps / BPS
    proceeds = best.bid * (1 - fee)
    cost_bps = (price * (1 + fee) - proceeds) / proceeds * BPS if proceeds else BPS
    return rise_bps < parameters.edge_times * cost_bps
