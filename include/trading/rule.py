"""What a rule is: the side that it desires, and what forbids to take it. Pure."""

from decimal import Decimal
from typing import NamedTuple, Protocol

from include.market.events import Side
from include.trading.inputs import Inputs
from include.trading.reasons import Reason


class DesiredSide(NamedTuple):
    """The side that a rule desires; null with the reasons why it desires none."""

    side: Side | None
    reasons: list[Reason]


class Rule(Protocol):
    """One way to conclude from a signal. Book, size, account and risk are checked for it."""

    name: str
    signal_type: str

    @property
    def source_digest(self) -> str | None:
        """SHA-256 of a user's file; null for a rule of Tickhouse's own."""

    def desired_side(self, inputs: Inputs) -> DesiredSide:
        """What the signal and the forecast call for."""

    def objections(self, inputs: Inputs, *, side: Side, price: Decimal) -> list[Reason]:
        """Why not to take that side at that price."""
