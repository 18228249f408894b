"""Buy and hold: what the account would be, had it bought once at its first best ask and kept. Pure.

It buys for all the quote there is, pays the same fee as the trader, and is worth what it would
fetch at a given price.
"""

from decimal import Decimal

import msgspec

from include.market.events import Top
from include.market.numerals import ZERO
from include.trading.money import BPS, STEP, fee_of, round_down, round_up


class BuyAndHold(msgspec.Struct, frozen=True):
    """Quote and base after buying once, and what the account was worth before (at the bid)."""

    quote: Decimal
    base: Decimal
    start: Decimal

    def value_at(self, price: Decimal) -> Decimal:
        """Quote units at this price, without a fee, rounded down."""
        return value_at(self.quote, self.base, price)

    def profit(self, price: Decimal) -> Decimal:
        """What holding has earned at this price."""
        return self.value_at(price) - self.start


def buy_once(quote: Decimal, base: Decimal, top: Top, *, fee_bps: Decimal) -> BuyAndHold:
    """The account of one who buys at this best ask for all the quote there is, with the fee."""
    payable = (quote - 2 * STEP) / (top.ask * (1 + fee_bps / BPS))
    quantity = max(ZERO, round_down(payable))
    cost = round_up(top.ask * quantity) + fee_of(top.ask, quantity, fee_bps=fee_bps)
    return BuyAndHold(quote - cost, base + quantity, value_at(quote, base, top.bid))


def value_at(quote: Decimal, base: Decimal, price: Decimal) -> Decimal:
    """What an account would fetch at this price, without a fee, rounded down."""
    return quote + round_down(base * price)


def is_two_sided(top: Top | None) -> bool:
    """Whether there is a best bid and ask, each with a quantity."""
    return top is not None and min(top.bid, top.bid_quantity, top.ask, top.ask_quantity) > 0
