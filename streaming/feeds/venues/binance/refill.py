"""Past trades of Binance: `aggTrades` by `fromId`. Pure.

Source: binance/binance-spot-api-docs, rest-api.md.
"""

import msgspec

from include.market.venues import BINANCE
from streaming.feeds.decoding import parse
from streaming.feeds.refill import Refill
from streaming.feeds.venues.binance.decoder import BinanceDecoder

PER_MINUTE = 300
PAGE = 1000


class PastTradeNumber(msgspec.Struct, frozen=True):
    """The number of one aggregate trade of a page, whatever the rest of it is."""

    a: int


_page = msgspec.json.Decoder(tuple[dict[str, msgspec.Raw], ...])
_numbered = msgspec.json.Decoder(PastTradeNumber)


def refill(rest_url: str) -> Refill:
    """How the REST at this base lists past trades."""
    return Refill(
        BINANCE,
        PER_MINUTE,
        lambda symbol, first, last: (
            f"{rest_url}/api/v3/aggTrades?symbol={BINANCE.symbols.to_venue(symbol)}"
            f"&fromId={first}&limit={min(PAGE, last - first + 1)}"
        ),
        _make_frames,
        lambda symbol, conn: BinanceDecoder(symbols=(symbol,), conn=conn),
        lambda frame: parse(_numbered.decode, frame).a,
    )


def _make_frames(body: bytes, symbol: str) -> list[bytes]:
    """Each trade of the page with the symbol, kind and time of sending that it lacks."""
    spelling = BINANCE.symbols.to_venue(symbol)
    return [
        msgspec.json.encode({"e": "aggTrade", "s": spelling, "E": trade.get("T", 0), **trade})
        for trade in parse(_page.decode, body)
    ]
