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


class BinancePastTrade(msgspec.Struct, frozen=True):
    """One aggregate trade of a page, which lacks its symbol and kind."""

    a: int
    p: str
    q: str
    f: int
    l: int  # noqa: E741 (the venue's name)
    T: int
    m: bool


_page = msgspec.json.Decoder(tuple[BinancePastTrade, ...])


def refill(rest_url: str) -> Refill:
    """How the REST at this base lists past trades."""
    return Refill(
        BINANCE,
        PER_MINUTE,
        lambda symbol, first, last: (
            f"{rest_url}/api/v3/aggTrades?symbol={BINANCE.symbols.to_venue(symbol)}"
            f"&fromId={first}&limit={min(PAGE, last - first + 1)}"
        ),
        _frames,
        lambda symbol, conn: BinanceDecoder(symbols=(symbol,), conn=conn),
    )


def _frames(body: bytes, symbol: str) -> list[bytes]:
    spelling = BINANCE.symbols.to_venue(symbol)
    return [
        msgspec.json.encode(
            {"e": "aggTrade", "E": trade.T, "s": spelling, **msgspec.structs.asdict(trade)}
        )
        for trade in parse(_page.decode, body)
    ]
