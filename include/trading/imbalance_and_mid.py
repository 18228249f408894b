"""The second rule: the imbalance of the best quantities gives the side, the mid price its cost.

Imbalance (Vb - Va) / (Vb + Va) near 1 says that more is bid than asked for, and prices tend to
follow. Acting costs half the spread, measured from the mid price: a wide one forbids it.
It asks no forecast, so it works at any venue whose best prices the stream measures.
"""

from decimal import Decimal

from include.market.events import Side
from include.market.measures import mid_price
from include.trading.inputs import Inputs
from include.trading.money import BPS
from include.trading.rule import Wish


class ImbalanceAndMid:
    """Imbalance at or above the least: buy. At or below its negative: sell all."""

    name = "imbalance_and_mid"
    signal_type = "imbalance"

    def wish(self, inputs: Inputs) -> Wish:
        """The side with the greater quantity, if it is greater by enough."""
        lean, least = inputs.signal.value, inputs.parameters.imbalance_least
        if abs(lean) < least or not lean:
            return Wish(None, ["imbalance_small"])
        return Wish("buy" if lean > 0 else "sell", [])

    def objections(self, inputs: Inputs, *, side: Side, price: Decimal) -> list[str]:
        """A price further from the mid price than allowed forbids both sides."""
        top = inputs.book.top if inputs.book else None
        assert top is not None
        middle = mid_price(top)
        far = abs(price - middle) * BPS > middle * inputs.parameters.half_spread_bps
        return ["spread_too_wide"] if far else []
