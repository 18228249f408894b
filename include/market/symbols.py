"""Symbols: `BASE-QUOTE` in capitals here, each venue's own spelling at the edge.

A `SymbolCodec` translates both ways. Venues that write a pair without a separator (Binance spot,
Gemini) can only be read back by knowing the quote currencies.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from include.errors import SettingsError

QUOTES = ("USDT", "USDC", "FDUSD", "GUSD", "USD", "EUR", "GBP", "BTC", "ETH")


@dataclass(frozen=True)
class SymbolCodec:
    """How a venue spells symbols, there (`to_venue`) and back (`from_venue`).

    Both raise SettingsError for what is no symbol.
    """

    to_venue: Callable[[str], str]
    from_venue: Callable[[str], str]

    def symbols_by_spelling(self, symbols: Iterable[str]) -> dict[str, str]:
        """Venue spelling (`BTCUSDT`) -> symbol (`BTC-USDT`) for the symbols a feed follows."""
        return {self.to_venue(symbol): symbol for symbol in symbols}


def require_symbol(symbol: str) -> str:
    """The symbol itself if it is `BASE-QUOTE` in capitals.

    Raises:
        SettingsError: it is not.
    """
    base, dash, quote = symbol.partition("-")
    if not (base and dash and quote) or symbol != symbol.upper() or "-" in quote:
        raise SettingsError(f"symbol {symbol!r} is not BASE-QUOTE in capitals, such as BTC-USD")
    return symbol


def concatenate(symbol: str) -> str:
    """`BTC-USD` as `BTCUSD`: the spelling of Binance payloads and Gemini paths."""
    return require_symbol(symbol).replace("-", "")


def split_pair(spelling: str) -> str:
    """`BTCUSDT` or `btcusdt` as `BTC-USDT`, by the longest quote currency it ends with.

    Raises:
        SettingsError: no known quote currency ends it.
    """
    capitals = spelling.upper()
    for quote in sorted(QUOTES, key=len, reverse=True):
        if capitals.endswith(quote) and len(capitals) > len(quote):
            return f"{capitals[: -len(quote)]}-{quote}"
    raise SettingsError(f"symbol {spelling!r} ends with no known quote currency {QUOTES}")


def _to_instrument(symbol: str) -> str:
    """`BTC-USDC` (spot) as `BTC_USDC`; `BTC-PERPETUAL` and other contracts are spelled alike."""
    spot = symbol.endswith(QUOTES)
    return require_symbol(symbol).replace("-", "_") if spot else require_symbol(symbol)


def _from_instrument(spelling: str) -> str:
    return require_symbol(spelling if "-" in spelling else spelling.replace("_", "-", 1))


CONCATENATED = SymbolCodec(to_venue=concatenate, from_venue=split_pair)
INSTRUMENTS = SymbolCodec(to_venue=_to_instrument, from_venue=_from_instrument)
