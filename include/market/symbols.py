"""Symbols: `BASE-QUOTE` in capitals here, each venue's own spelling at the edge; their kinds.

A `SymbolCodec` translates both ways. Venues that write a pair without a separator (Binance spot,
Gemini) can only be read back by knowing the quote currencies.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from include.errors import SettingsError, shorten

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


class SymbolKind(StrEnum):
    """What is bought and sold under a symbol; a pair of currencies is spot."""

    SPOT = "spot"
    PERPETUAL = "perpetual"
    FUTURE = "future"
    OPTION = "option"
    COMBINATION = "combination"


# docs.deribit.com, "Naming", and Gemini's perpetuals (BTCGUSDPERP). A strike of 0.5 is 0d5.
_EXPIRY = r"\d{1,2}[A-Z]{3}\d{2}"
_CONTRACTS = {
    SymbolKind.PERPETUAL: re.compile(r"[A-Z0-9_]+-(PERPETUAL|[A-Z]+PERP)"),
    SymbolKind.FUTURE: re.compile(rf"[A-Z0-9_]+-{_EXPIRY}"),
    SymbolKind.OPTION: re.compile(rf"[A-Z0-9_]+-{_EXPIRY}-\d+(d\d+)?-[CP]"),
    SymbolKind.COMBINATION: re.compile(r"[A-Z0-9_]+-[A-Z]{2,}-(?=.*(\d|PERP))[A-Zd0-9_-]+"),
}


def kind_of(symbol: str) -> SymbolKind:
    """The kind by the form of the symbol: spot, unless it is named as a contract is."""
    for kind, pattern in _CONTRACTS.items():
        if pattern.fullmatch(symbol):
            return kind
    return SymbolKind.SPOT


def require_symbol(symbol: str) -> str:
    """The symbol itself if it is `BASE-QUOTE` in capitals, or named as a contract is.

    Raises:
        SettingsError: it is not.
    """
    return symbol if kind_of(symbol) is not SymbolKind.SPOT else require_pair(symbol)


def require_pair(symbol: str) -> str:
    """The symbol itself if it is `BASE-QUOTE` in capitals.

    Raises:
        SettingsError: it is not.
    """
    base, dash, quote = symbol.partition("-")
    is_pair = all(part.replace("_", "").isalnum() for part in (base, quote))
    if not (dash and is_pair) or symbol != symbol.upper():
        raise SettingsError(
            f"symbol {shorten(symbol)!r} is not BASE-QUOTE in capitals, such as BTC-USD"
        )
    return symbol


def concatenate(symbol: str) -> str:
    """`BTC-USD` as `BTCUSD`: the spelling of Binance payloads and Gemini paths."""
    return require_pair(symbol).replace("-", "")


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
