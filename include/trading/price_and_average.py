"""The third rule: the venue's mid price against the moving average across suppliers.

Where a venue is cheaper than all suppliers were on average by more than a band, its price tends to
follow theirs: buy. Where it is dearer by as much: sell. It needs no forecast, and no liquidity.
"""

from decimal import Decimal

from include.market.average import AVERAGE_PRICE
from include.market.events import Side
from include.market.measures import mid_price
from include.trading.inputs import Inputs
from include.trading.money import BPS
from include.trading.reasons import Reason
from include.trading.rule import DesiredSide


class PriceAndAverage:
    """Mid price below the average by the band or more: buy. Above it by as much: sell all."""

    name = "price_and_average"
    signal_type = AVERAGE_PRICE
    source_digest = None

    def desired_side(self, inputs: Inputs) -> DesiredSide:
        """The side that the price's distance from the average calls for, if it is far enough."""
        best, average = inputs.top.best if inputs.top else None, inputs.signal.value
        if best is None:
            return DesiredSide(None, [])  # the book's own faults are the reasons
        distance = mid_price(best) - average
        if not distance or abs(distance) * BPS < average * inputs.parameters.average_band_bps:
            return DesiredSide(None, [Reason.AVERAGE_NEAR])
        return DesiredSide("buy" if distance < 0 else "sell", [])

    def objections(self, inputs: Inputs, *, side: Side, price: Decimal) -> list[Reason]:
        """None: the price is what the rule looks at already."""
        return []
