"""What Deribit's amounts count, by the kind of instrument, and the same in base units. Pure.

Source: docs.deribit.com: amounts are USD for perpetuals and inverse futures (`BTC-PERPETUAL`,
`BTC-27MAR26`), base units for options, spot and linear instruments (`BTC_USDC-PERPETUAL`). The
legs of a combination (`BTC-FS-27MAR26_PERP`) are priced by their difference, which may be below
zero; its amounts are passed on as they are.
"""

from decimal import ROUND_HALF_EVEN, Decimal

from include.market.numerals import WIDE
from include.market.symbols import SymbolKind, kind_of
from streaming.feeds.decoding import QUANTITY_STEP

_INVERSE_KINDS = {SymbolKind.PERPETUAL, SymbolKind.FUTURE}


def counts_quote(instrument: str) -> bool:
    """Whether amounts of the instrument are quote units."""
    base, _, _ = instrument.partition("-")
    return "_" not in base and kind_of(instrument) in _INVERSE_KINDS


def is_combination(instrument: str) -> bool:
    """Whether the instrument is a combination of others, whose price may be zero or less."""
    return kind_of(instrument) is SymbolKind.COMBINATION


def to_base(amount: Decimal, price: Decimal) -> Decimal:
    """The base units that an amount of quote units is at a price, to the column's last digit."""
    return WIDE.divide(amount, price).quantize(QUANTITY_STEP, ROUND_HALF_EVEN, WIDE)
