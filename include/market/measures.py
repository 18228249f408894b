"""Measures of the top of a book: imbalance and mid price."""

from decimal import Decimal

from include.market.events import Top


def imbalance(top: Top) -> Decimal:
    """Order-book imbalance (Vb - Va) / (Vb + Va) of the best quantities, from -1 to 1."""
    total = top.bid_quantity + top.ask_quantity
    return (top.bid_quantity - top.ask_quantity) / total


def mid_price(top: Top) -> Decimal:
    """The mean of best bid and best ask."""
    return (top.bid + top.ask) / 2
