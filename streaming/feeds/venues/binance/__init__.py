"""Binance spot: one connection for all symbols, a renewal a day, books begun by REST.

A feed follows the book or the best prices: with both there would be two tops of a symbol, apart by
up to a step of the book.
"""

import json

from include.errors import SettingsError
from include.market.venue_settings import BEST_PRICES, BinanceSettings
from include.market.venues import BINANCE
from streaming.feeds.stream_spec import StreamSpec
from streaming.feeds.venues.binance.decoder import BinanceDecoder
from streaming.feeds.venues.binance.depth import PAGES_PER_MINUTE
from streaming.feeds.venues.binance.refill import refill

__all__ = ["refill", "stream_specs"]

STREAMS = ("aggTrade", "ticker")
BOOK_STREAMS = {"100ms": "depth@100ms", "1000ms": "depth", BEST_PRICES: "bookTicker"}
MAX_STREAMS = 1024  # of a connection; and at most five messages a second, so batches
BATCH = 256


def stream_specs(binance: BinanceSettings, symbols: tuple[str, ...]) -> tuple[StreamSpec, ...]:
    """List the one connection that carries every stream of these symbols.

    Raises:
        SettingsError: more streams than Binance allows on a connection.
    """
    names = [BINANCE.symbols.to_venue(symbol).lower() for symbol in symbols]
    kinds = (*STREAMS, BOOK_STREAMS[binance.book])
    streams = [f"{name}@{kind}" for name in names for kind in kinds]
    if len(streams) > MAX_STREAMS:
        raise SettingsError(f"{len(streams)} Binance streams: at most {MAX_STREAMS}")
    batches = [streams[index : index + BATCH] for index in range(0, len(streams), BATCH)]
    subscribe = tuple(
        json.dumps({"method": "SUBSCRIBE", "params": batch, "id": number})
        for number, batch in enumerate(batches, start=1)
    )
    return (
        StreamSpec(
            venue=BINANCE.name,
            symbols=symbols,
            url=f"{binance.ws_url}/stream",
            subscribe=subscribe,
            tape="binance_spot/mixed",
            decoder=lambda conn, last_ids: BinanceDecoder(
                symbols=symbols,
                conn=conn,
                last_ids=last_ids,
                bound=binance.time_bound,
                rest_url=binance.rest_url,
            ),
            life_s=binance.life_h * 3600,
            pages_per_minute=PAGES_PER_MINUTE,
        ),
    )
