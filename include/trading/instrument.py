"""An instrument: a venue's steps of price and quantity and its minimum order of a symbol. Pure.

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


class Instrument(msgspec.Struct, frozen=True):
    """Steps and minimum quantity of an order; `is_open`: limit orders are taken now."""

    minimum: Decimal
    step: Decimal
    price_step: Decimal
    is_open: bool = True


# As recorded in 2026; the gemini broker asks the venue itself, paper and replays go by these.
KNOWN_INSTRUMENTS = {
    ("gemini", "BTC-USD"): Instrument(Decimal("0.00001"), Decimal("1e-8"), Decimal("0.01")),
}


def parse_gemini_instrument(body: bytes) -> Instrument:
    """The instrument in a reply of `/v1/symbols/details/SYMBOL`.

    Raises:
        WireError: it is no such reply, or a step is not above zero.
    """
    try:
        details = json.loads(body, parse_float=Decimal)
        return Instrument(
            minimum=_positive(details["min_order_size"]),
            step=_positive(details["tick_size"]),
            price_step=_positive(details["quote_increment"]),
            is_open=details["status"] in TRADABLE,
        )
    except (ValueError, KeyError, TypeError, InvalidOperation) as error:
        raise WireError(f"no symbol details: {error!r}") from error


def add_instrument(parameters: Parameters, instrument: Instrument | None) -> Parameters:
    """The parameters with the venue's steps and minimum, where they are known."""
    if instrument is None:
        return parameters
    return msgspec.structs.replace(
        parameters,
        minimum=instrument.minimum,
        step=instrument.step,
        price_step=instrument.price_step,
    )


def _positive(amount: Any) -> Decimal:
    parsed = Decimal(str(amount))
    if not parsed.is_finite() or parsed <= 0:
        raise ValueError(f"{amount!r} is not above zero")
    return parsed
