"""What Deribit's amounts count, by the kind of instrument, and the same in base units. Pure.

Source: docs.deribit.com: amounts are USD for perpetuals and inverse futures (`BTC-PERPETUAL`,
`BTC-27MAR26`), base units for options, spot and linear instruments (`BTC_USDC-PERPETUAL`). The
legs of a combination (`BTC-FS-27MAR26_PERP`) are priced by their difference, which may be below
zero; its amounts are passed on as they are.
"""

import re
from decimal import ROUND_HALF_EVEN, Decimal

from include.market.numerals import WIDE
from streaming.feeds.decoding import QUANTITY_STEP

_INVERSE = re.compile(r"[A-Z0-9]+-(PERPETUAL|\d{1,2}[A-Z]{3}\d{2})")
_COMBINATION = re.compile(r"[A-Z0-9_]+-[A-Z]{2,}-.+")


def counts_quote(instrument: str) -> bool:
    """Whether amounts of the instrument are quote units."""
    return _INVERSE.fullmatch(instrument) is not None


def is_combination(instrument: str) -> bool:
    """Whether the instrument is a combination of others, whose price may be zero or less."""
    return _COMBINATION.fullmatch(instrument) is not None


def to_base(amount: Decimal, price: Decimal) -> Decimal:
    """The base units that an amount of quote units is at a price, to the column's last digit."""
    return WIDE.divide(amount, price).quantize(QUANTITY_STEP, ROUND_HALF_EVEN, WIDE)
