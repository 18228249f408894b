"""Symbols: `BASE-QUOTE` in capitals here, each venue's own spelling at the edge.

The spelling rules are the venues' (see docs of Binance spot and Gemini): both write pairs without
a separator, so translating back needs to know the quote currencies.
"""

from include.errors import SettingsError

QUOTES = ("USDT", "USDC", "FDUSD", "GUSD", "USD", "EUR", "GBP", "BTC", "ETH")


def checked(symbol: str) -> str:
    """The symbol itself if it is `BASE-QUOTE` in capitals.

    Raises:
        SettingsError: it is not.
    """
    base, dash, quote = symbol.partition("-")
    if not (base and dash and quote) or symbol != symbol.upper() or "-" in quote:
        raise SettingsError(f"symbol {symbol!r} is not BASE-QUOTE in capitals, such as BTC-USD")
    return symbol


def joined(symbol: str) -> str:
    """`BTC-USD` as `BTCUSD`: the spelling of Binance payloads and Gemini paths."""
    return checked(symbol).replace("-", "")


def at_deribit(symbol: str) -> str:
    """`BTC-USDC` (spot) as `BTC_USDC`; `BTC-PERPETUAL` and other contracts are spelled alike."""
    return checked(symbol).replace("-", "_") if symbol.endswith(QUOTES) else checked(symbol)


def split(spelling: str) -> str:
    """`BTCUSDT` or `btcusdt` as `BTC-USDT`, by the longest quote currency it ends with.

    Raises:
        SettingsError: no known quote currency ends it.
    """
    text = spelling.upper()
    for quote in sorted(QUOTES, key=len, reverse=True):
        if text.endswith(quote) and len(text) > len(quote):
            return f"{text[: -len(quote)]}-{quote}"
    raise SettingsError(f"symbol {spelling!r} ends with no known quote currency {QUOTES}")


def table(symbols: tuple[str, ...]) -> dict[str, str]:
    """Venue spelling (`BTCUSDT`) -> symbol (`BTC-USDT`) for the symbols a feed follows."""
    return {joined(symbol): symbol for symbol in symbols}
