"""A venue's terms for one symbol: steps of price and quantity, the least order. Pure.

Source: docs.gemini.com, "Symbol Details". Its names mislead: `tick_size` is the step of the
quantity, `quote_increment` that of the price.
"""

import json
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from include.errors import WireError
from include.trading.inputs import Parameters

TRADABLE = frozenset({"open", "limit_only"})


class Terms(msgspec.Struct, frozen=True):
    """Steps and least quantity of an order; `open`: limit orders are taken now."""

    minimum: Decimal
    step: Decimal
    price_step: Decimal
    open: bool = True


# As recorded in 2026; the gemini broker asks the venue itself, paper and replays go by these.
KNOWN = {
    ("gemini", "BTC-USD"): Terms(Decimal("0.00001"), Decimal("1e-8"), Decimal("0.01")),
}


def gemini_terms(body: bytes) -> Terms:
    """The terms in a reply of `/v1/symbols/details/SYMBOL`.

    Raises:
        WireError: it is no such reply, or a step is not above zero.
    """
    try:
        told = json.loads(body, parse_float=Decimal)
        found = Terms(
            minimum=_above_zero(told["min_order_size"]),
            step=_above_zero(told["tick_size"]),
            price_step=_above_zero(told["quote_increment"]),
            open=told["status"] in TRADABLE,
        )
    except (ValueError, KeyError, TypeError, InvalidOperation) as error:
        raise WireError(f"no symbol details: {error!r}") from error
    return found


def fitted(parameters: Parameters, terms: Terms | None) -> Parameters:
    """The parameters with the venue's steps and minimum, where they are known."""
    if terms is None:
        return parameters
    return msgspec.structs.replace(
        parameters, minimum=terms.minimum, step=terms.step, price_step=terms.price_step
    )


def _above_zero(told: Any) -> Decimal:
    value = Decimal(str(told))
    if not value.is_finite() or value <= 0:
        raise ValueError(f"{told!r} is not above zero")
    return value
