"""A rule that a user wrote, as the strategy takes rules. Pure."""

from collections.abc import Callable
from decimal import Decimal
from typing import get_args

from include.market.events import Side
from include.trading.inputs import Inputs
from include.trading.reasons import Reason
from include.trading.rule import DesiredSide


class UserRule:
    """Takes `buy`, `sell` or null from the user's function; anything else is a failure.

    An exception of the function does not end the trader: the decision holds with `rule_failed`,
    and `failure` is the exception's text. `source_digest` is the SHA-256 of the rule's file.
    """

    def __init__(
        self,
        name: str,
        desired_side: Callable[[Inputs], object],
        *,
        signal_type: str,
        source_digest: str,
    ) -> None:
        self.name, self.signal_type = name, signal_type
        self.source_digest: str | None = source_digest
        self.failure = ""
        self._desired_side = desired_side

    def desired_side(self, inputs: Inputs) -> DesiredSide:
        """The side that the user's function desires."""
        try:
            side = self._desired_side(inputs)
        except Exception as error:
            return self._fail(f"{type(error).__name__}: {error}")
        if side is None:
            return DesiredSide(None, [Reason.RULE_HOLDS])
        for known_side in get_args(Side):
            if side == known_side:
                return DesiredSide(known_side, [])
        return self._fail(f"desired_side gave {side!r}, which is none of 'buy', 'sell' and None")

    def objections(self, inputs: Inputs, *, side: Side, price: Decimal) -> list[Reason]:
        """None beyond those that every rule has."""
        return []

    def _fail(self, failure: str) -> DesiredSide:
        self.failure = failure
        return DesiredSide(None, [Reason.RULE_FAILED])
