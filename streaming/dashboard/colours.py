"""The colours: Okabe and Ito's palette, which colour-blind people can distinguish, on both grounds.

Buy is blue and sell is orange everywhere; venues take the others.
"""

from itertools import cycle

from include.market.venues import VENUES

BUY, SELL = "#3b8fd4", "#e07b1a"
JUMP = "#d0564a"
FORECAST, AVERAGE, SHORT_TERM = "#9a6fd0", "#7d8b99", "#c2477f"
INK, GRID, STALE = "#84909c", "#8a96a2", "#9aa3ab"
_FEEDS = ("#0aa884", "#d9a400", "#d671a8", "#b5651d", "#5fa8a0", "#a3a847", "#c98b8b")
_SUPPLIERS = {
    "cryptocompare": "#46b0e6",
    "coinbase": "#3f78e0",
    "bitstamp": "#6aa84f",
    "kraken": "#d0564a",
}
EQUITY, HOLD = "#0aa884", "#84909c"


_SYMBOLS = ("#0aa884", "#e07b1a", "#9a6fd0", "#3b8fd4", "#d9a400", "#c2477f")


def symbol_colour(index: int) -> str:
    """The colour of the symbol chosen at this index."""
    return _SYMBOLS[index % len(_SYMBOLS)]


def colour_by_venue() -> dict[str, str]:
    """The colour of each venue and supplier, the same in every chart; venues in their order."""
    return dict(zip(VENUES, cycle(_FEEDS), strict=False)) | _SUPPLIERS


def venue_colour(venue: str) -> str:
    """A venue's colour; that of the ink for one that is not known."""
    return colour_by_venue().get(venue, INK)
