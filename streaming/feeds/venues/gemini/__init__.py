"""Gemini: three market data services. v1 (a connection a symbol, numbered), v2, and the current."""

import json

from include.errors import SettingsError
from include.market.venue_settings import GeminiSettings
from include.market.venues import GEMINI
from streaming.feeds.stream_spec import StreamSpec
from streaming.feeds.venues.gemini import current, v1, v2
from streaming.feeds.venues.gemini.current import GeminiCurrentDecoder
from streaming.feeds.venues.gemini.refill import refill
from streaming.feeds.venues.gemini.v1 import GeminiV1Decoder
from streaming.feeds.venues.gemini.v2 import GeminiV2Decoder

__all__ = ["refill", "stream_specs"]


def stream_specs(gemini: GeminiSettings, symbols: tuple[str, ...]) -> tuple[StreamSpec, ...]:
    """List the connections of the service that the settings choose.

    Raises:
        SettingsError: there is no such service.
    """
    if gemini.service == "v1":
        return tuple(_v1(gemini, symbol) for symbol in symbols)
    if gemini.service == "v2":
        return (_v2(gemini, symbols),)
    if gemini.service == "current":
        return (_current(gemini, symbols),)
    raise SettingsError(f"VENUES_GEMINI_SERVICE {gemini.service!r} is none of v1, v2, current")


def _v1(gemini: GeminiSettings, symbol: str) -> StreamSpec:
    spelling = GEMINI.symbols.to_venue(symbol).lower()
    return StreamSpec(
        venue=GEMINI.name,
        symbols=(symbol,),
        url=f"{gemini.ws_url}/v1/marketdata/{spelling}?heartbeat=true",
        subscribe=(),
        tape=f"gemini_v1/{spelling}",
        decoder=lambda conn, last_ids: GeminiV1Decoder(
            symbol=symbol, conn=conn, last_ids=last_ids, bound=gemini.time_bound
        ),
        name_start=v1.name_start,
    )


def _v2(gemini: GeminiSettings, symbols: tuple[str, ...]) -> StreamSpec:
    names = list(GEMINI.symbols.symbols_by_spelling(symbols))
    subscribe = {"type": "subscribe", "subscriptions": [{"name": "l2", "symbols": names}]}
    return StreamSpec(
        venue=GEMINI.name,
        symbols=symbols,
        url=f"{gemini.ws_url}/v2/marketdata",
        subscribe=(json.dumps(subscribe),),
        tape="gemini_v2/mixed",
        decoder=lambda conn, last_ids: GeminiV2Decoder(
            symbols=symbols, conn=conn, last_ids=last_ids, bound=gemini.time_bound
        ),
        name_start=v2.name_start,
    )


def _current(gemini: GeminiSettings, symbols: tuple[str, ...]) -> StreamSpec:
    names = [name.lower() for name in GEMINI.symbols.symbols_by_spelling(symbols)]
    streams = [f"{name}@{stream}" for name in names for stream in ("depth@100ms", "trade")]
    subscribe = json.dumps({"id": "1", "method": "subscribe", "params": streams})
    return StreamSpec(
        venue=GEMINI.name,
        symbols=symbols,
        url=f"{gemini.current_ws_url}/?snapshot=-1",
        subscribe=(subscribe,),
        tape="gemini_current/mixed",
        decoder=lambda conn, last_ids: GeminiCurrentDecoder(
            symbols=symbols, conn=conn, last_ids=last_ids, bound=gemini.time_bound
        ),
        name_start=current.name_start,
    )
