"""The venues: for each, the connections to make and what is said and decoded on them."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field

from include.errors import SettingsError
from include.market.symbols import INSTRUMENTS, concatenate, require_symbol
from include.settings.venues import Venues
from streaming.feeds.decoded import Decoder
from streaming.feeds.venues.binance import BinanceDecoder
from streaming.feeds.venues.deribit import DeribitDecoder
from streaming.feeds.venues.deribit_session import opening
from streaming.feeds.venues.gemini_current import GeminiDecoder
from streaming.feeds.venues.gemini_v1 import GeminiV1Decoder
from streaming.feeds.venues.gemini_v2 import GeminiV2Decoder

BINANCE_KINDS = ("aggTrade", "ticker", "bookTicker")
BINANCE_MOST_STREAMS = 1024  # of a connection; and at most five messages a second, so batches
BINANCE_BATCH = 256


@dataclass(frozen=True)
class Link:
    """One connection to keep up.

    `tape` starts the path of its recordings. `decoder` makes one connection's decoder from its
    id and the last trade ids by symbol, which all connections share. `life_s` is when a successor
    is opened, null where the venue does not cut connections.
    """

    venue: str
    symbols: tuple[str, ...]
    url: str
    subscribe: tuple[str, ...] = field(repr=False)
    tape: str
    decoder: Callable[[str, dict[str, int]], Decoder]
    life_s: float | None = None


def links(venue: str, *, venues: Venues, symbols: tuple[str, ...] = ()) -> tuple[Link, ...]:
    """List the connections of a venue for these symbols, or for those of the settings.

    Raises:
        SettingsError: the venue is not known, or a symbol malformed.
    """
    if venue not in VENUES:
        raise SettingsError(f"venue {venue!r} is none of {', '.join(VENUES)}")
    return VENUES[venue](venues, tuple(require_symbol(symbol) for symbol in symbols))


def _gemini(venues: Venues, symbols: tuple[str, ...]) -> tuple[Link, ...]:
    followed = symbols or venues.gemini.symbols
    if venues.gemini.service == "v1":
        return tuple(_gemini_link(venues, symbol) for symbol in followed)
    names = [concatenate(symbol) for symbol in followed]
    if venues.gemini.service == "v2":
        wanted = {"type": "subscribe", "subscriptions": [{"name": "l2", "symbols": names}]}
        return (
            Link(
                "gemini",
                followed,
                f"{venues.gemini.ws}/v2/marketdata",
                (json.dumps(wanted),),
                "gemini_v2/mixed",
                lambda conn, ids: GeminiV2Decoder(symbols=followed, conn=conn, last_ids=ids),
            ),
        )
    if venues.gemini.service != "current":
        raise SettingsError(
            f"VENUES_GEMINI_SERVICE {venues.gemini.service!r} is none of v1, v2, current"
        )
    streams = [f"{name.lower()}@{kind}" for name in names for kind in ("depth@100ms", "trade")]
    subscribe = json.dumps({"id": "1", "method": "subscribe", "params": streams})
    return (
        Link(
            "gemini",
            followed,
            f"{venues.gemini.current_ws}/?snapshot=-1",
            (subscribe,),
            "gemini_current/mixed",
            lambda conn, ids: GeminiDecoder(symbols=followed, conn=conn, last_ids=ids),
        ),
    )


def _gemini_link(venues: Venues, symbol: str) -> Link:
    return Link(
        venue="gemini",
        symbols=(symbol,),
        subscribe=(),
        tape=f"gemini_v1/{concatenate(symbol).lower()}",
        url=f"{venues.gemini.ws}/v1/marketdata/{concatenate(symbol).lower()}?heartbeat=true",
        decoder=lambda conn, ids: GeminiV1Decoder(symbol=symbol, conn=conn, last_ids=ids),
    )


def _binance(venues: Venues, symbols: tuple[str, ...]) -> tuple[Link, ...]:
    followed = symbols or venues.binance.symbols
    streams = [f"{concatenate(one).lower()}@{kind}" for one in followed for kind in BINANCE_KINDS]
    if len(streams) > BINANCE_MOST_STREAMS:
        raise SettingsError(f"{len(streams)} Binance streams: at most {BINANCE_MOST_STREAMS}")
    batches = [streams[at : at + BINANCE_BATCH] for at in range(0, len(streams), BINANCE_BATCH)]
    subscribe = tuple(
        json.dumps({"method": "SUBSCRIBE", "params": batch, "id": number})
        for number, batch in enumerate(batches, start=1)
    )
    return (
        Link(
            "binance",
            followed,
            f"{venues.binance.ws}/stream",
            subscribe,
            "binance_spot/mixed",
            lambda conn, ids: BinanceDecoder(symbols=followed, conn=conn, last_ids=ids),
            life_s=venues.binance.life_h * 3600,
        ),
    )


def _deribit(venues: Venues, symbols: tuple[str, ...]) -> tuple[Link, ...]:
    followed = symbols or venues.deribit.symbols
    instruments = {INSTRUMENTS.to_venue(symbol): symbol for symbol in followed}
    suffixes = {"book": venues.deribit.book, "trades": "100ms", "ticker": "100ms"}
    channels = tuple(
        f"{kind}.{name}.{suffix}" for name in instruments for kind, suffix in suffixes.items()
    )
    subscribe = opening(
        channels,
        heartbeat_s=venues.deribit.heartbeat_s,
        key=venues.deribit.key.reveal(),
        secret=venues.deribit.secret.reveal(),
    )
    return (
        Link(
            "deribit",
            followed,
            f"{venues.deribit.ws}/ws/api/v2",
            subscribe,
            "deribit/mixed",
            lambda conn, ids: DeribitDecoder(
                instruments=instruments, conn=conn, last_ids=ids, channels=channels
            ),
        ),
    )


VENUES: dict[str, Callable[[Venues, tuple[str, ...]], tuple[Link, ...]]] = {
    "gemini": _gemini,
    "binance": _binance,
    "deribit": _deribit,
}
