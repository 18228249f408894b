"""What a rule is: it says which side it wishes for, and what speaks against it. Pure."""

from decimal import Decimal
from typing import NamedTuple, Protocol

from include.market.events import Side
from include.trading.inputs import Inputs


class Wish(NamedTuple):
    """The side a rule wishes for; null with the reasons why it wishes for none."""

    side: Side | None
    reasons: list[str]


class Rule(Protocol):
    """One way to conclude from a signal. Book, size, account and risk are looked at for it."""

    name: str
    signal_type: str

    def wish(self, inputs: Inputs) -> Wish:
        """What the signal and the forecast call for."""

    def objections(self, inputs: Inputs, *, side: Side, price: Decimal) -> list[str]:
        """Why not to take that side at that price, as reason codes."""
