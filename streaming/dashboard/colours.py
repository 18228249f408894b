"""The colours: Okabe and Ito's palette, told apart by colour-blind people, legible on both grounds.

Buy is blue and sell is orange everywhere; venues take the others.
"""

BUY, SELL = "#3b8fd4", "#e07b1a"
FORECAST, AVERAGE, SOON = "#9a6fd0", "#7d8b99", "#c2477f"
INK, GRID, STALE = "#84909c", "#8a96a2", "#9aa3ab"
VENUES = {
    "gemini": "#0aa884",
    "binance": "#d9a400",
    "deribit": "#d671a8",
    "cryptocompare": "#46b0e6",
    "coinbase": "#3f78e0",
    "bitstamp": "#6aa84f",
    "kraken": "#9271e0",
}
EQUITY, HOLD = "#0aa884", "#84909c"


def venue_colour(venue: str) -> str:
    """A venue's colour, the same in every chart."""
    return VENUES.get(venue, INK)
