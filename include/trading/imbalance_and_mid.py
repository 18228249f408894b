"""The second rule: the imbalance of the best quantities gives the side, the mid price its cost.

Imbalance (Vb - Va) / (Vb + Va) near 1 means that more is bid than asked for, and prices tend to
follow. Acting costs half the spread, measured from the mid price: a wide one forbids it.
It needs no forecast, so it works at any venue whose best prices the stream measures.
"""

from decimal import Decimal

from include.market.events import Side
from include.market.measures import mid_price
from include.trading.inputs import Inputs
from include.trading.money import BPS
from include.trading.reasons import Reason
from include.trading.rule import DesiredSide


class ImbalanceAndMid:
    """Imbalance at or above the threshold: buy. At or below its negative: sell all."""

    name = "imbalance_and_mid"
    signal_type = "imbalance"
    source_digest = None

    def desired_side(self, inputs: Inputs) -> DesiredSide:
        """The side with the greater quantity, if it is greater by enough."""
        imbalance, threshold = inputs.signal.value, inputs.parameters.imbalance_threshold
        if abs(imbalance) < threshold or not imbalance:
            return DesiredSide(None, [Reason.IMBALANCE_SMALL])
        return DesiredSide("buy" if imbalance > 0 else "sell", [])

    def objections(self, inputs: Inputs, *, side: Side, price: Decimal) -> list[Reason]:
        """A price further from the mid price than allowed forbids both sides."""
        best = inputs.top.best if inputs.top else None
        assert best is not None
        middle = mid_price(best)
        is_far = abs(price - middle) * BPS > middle * inputs.parameters.half_spread_bps
        return [Reason.SPREAD_TOO_WIDE] if is_far else []
