"""The venues: for each, the connections to make and what is said and decoded on them."""

import json
from collections.abc import Callable
from dataclasses import dataclass

from include.errors import SettingsError
from include.market.symbols import checked, joined
from include.setting_groups import Venues
from streaming.feeds.decoded import Decoder
from streaming.feeds.venues.binance import BinanceDecoder
from streaming.feeds.venues.gemini_v1 import GeminiV1Decoder


@dataclass(frozen=True)
class Link:
    """One connection to keep up.

    `tape` starts the path of its recordings. `decoder` makes one connection's decoder from its
    id and the decoder of the connection before, null for the first.
    """

    venue: str
    symbols: tuple[str, ...]
    url: str
    subscribe: tuple[str, ...]
    tape: str
    decoder: Callable[[str, Decoder | None], Decoder]


def links(venue: str, *, venues: Venues, symbols: tuple[str, ...] = ()) -> tuple[Link, ...]:
    """List the connections of a venue for these symbols, or for those of the settings.

    Raises:
        SettingsError: the venue is not known, or a symbol malformed.
    """
    if venue not in VENUES:
        raise SettingsError(f"venue {venue!r} is none of {', '.join(VENUES)}")
    return VENUES[venue](venues, tuple(checked(symbol) for symbol in symbols))


def _gemini(venues: Venues, symbols: tuple[str, ...]) -> tuple[Link, ...]:
    return tuple(_gemini_link(venues, symbol) for symbol in symbols or venues.gemini_symbols)


def _gemini_link(venues: Venues, symbol: str) -> Link:
    return Link(
        venue="gemini", symbols=(symbol,), subscribe=(), tape=f"gemini_v1/{joined(symbol).lower()}",
        url=f"{venues.gemini_ws}/v1/marketdata/{joined(symbol).lower()}?heartbeat=true",
        decoder=lambda conn, _last: GeminiV1Decoder(symbol=symbol, conn=conn),
    )  # fmt: skip


def _binance(venues: Venues, symbols: tuple[str, ...]) -> tuple[Link, ...]:
    followed = symbols or venues.binance_symbols
    streams = [
        f"{joined(one).lower()}@{kind}" for one in followed for kind in ("aggTrade", "ticker")
    ]

    def decoder(conn: str, last: Decoder | None) -> Decoder:
        ids = last.last_ids if isinstance(last, BinanceDecoder) else None
        return BinanceDecoder(symbols=followed, conn=conn, last_ids=ids)

    subscribe = json.dumps({"method": "SUBSCRIBE", "params": streams, "id": 1})
    url = f"{venues.binance_ws}/stream"
    return (Link("binance", followed, url, (subscribe,), "binance_spot/mixed", decoder),)


VENUES: dict[str, Callable[[Venues, tuple[str, ...]], tuple[Link, ...]]] = {
    "gemini": _gemini,
    "binance": _binance,
}
