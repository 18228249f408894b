"""Measures of the top of a book: imbalance and mid price."""

from decimal import Decimal

from include.market.events import Top
from include.market.numerals import SIGNAL_STEP, WIDE, round_half_up

# Of decimal(23,10) / decimal(23,10) in Spark, and of what is published.
_QUOTIENT_STEP = Decimal("1e-15")


def mid_price(top: Top) -> Decimal:
    """The mean of best bid and best ask."""
    return (top.bid + top.ask) / 2


def imbalance_of(top: Top) -> Decimal | None:
    """Order-book imbalance (Vb - Va) / (Vb + Va) of the best quantities, from -1 to 1.

    As in `market.signals`: Spark's decimal division, then twelve decimals. Null where the stream
    sends none: a crossed book, or one without quantity.
    """
    if top.bid >= top.ask or min(top.bid_quantity, top.ask_quantity) < 0:
        return None
    if top.bid_quantity + top.ask_quantity <= 0:
        return None
    exact = WIDE.divide(top.bid_quantity - top.ask_quantity, top.bid_quantity + top.ask_quantity)
    return round_half_up(round_half_up(exact, _QUOTIENT_STEP), SIGNAL_STEP)
