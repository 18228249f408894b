"""Settings of the venues: where each is and what is followed there, and the price suppliers.

A venue of `include/market/venues.py` without settings of its own kind has those of every venue.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from include.market.time import TimeBound
from include.market.venues import BINANCE, DERIBIT, GEMINI, VENUES
from include.setting_fields import POSITIVE, NumberRange, Secret, setting
from include.setting_kinds import (
    Amount,
    DeribitBook,
    FloatSeconds,
    Hours,
    PageUrl,
    Text,
    WebsocketUrl,
    WholeSeconds,
)

MAX_SHARDS = 64
BEST_PRICES = "best"  # Binance without a book


@dataclass(frozen=True)
class VenueSettings:
    """Where a venue is and which symbols its feed follows."""

    ws_url: WebsocketUrl = setting("", "base of the venue's websocket")
    rest_url: PageUrl = setting("", "base of the venue's REST")
    symbols: tuple[str, ...] = setting((), "symbols of the venue's feed")
    ahead_s: FloatSeconds = setting(
        300.0, "seconds by which a time of the venue may be ahead of its receipt"
    )
    behind_s: FloatSeconds = setting(
        1e9, "seconds by which a time of the venue may be behind its receipt (a tape: years)"
    )
    shards: Amount = setting(
        1,
        "processes of the venue's feed; its symbols go to them in turn",
        NumberRange(lowest=1, highest=MAX_SHARDS),
    )

    @property
    def time_bound(self) -> TimeBound:
        """How far the venue's times may be from those of receipt."""
        return TimeBound(ahead_s=self.ahead_s, behind_s=self.behind_s)


@dataclass(frozen=True)
class GeminiSettings(VenueSettings):
    """Gemini: three market data services, and the account for orders."""

    ws_url: WebsocketUrl = setting(GEMINI.websocket_url, "Gemini websocket base")
    rest_url: PageUrl = setting(GEMINI.rest_url, "Gemini REST base")
    symbols: tuple[str, ...] = setting(GEMINI.default_symbols, "symbols of the Gemini feed")
    service: Text = setting(
        "v1",
        "Gemini market data: v1 (numbered; simulated too), v2, or current",
        choices=("v1", "v2", "current"),
    )
    current_ws_url: WebsocketUrl = setting("wss://ws.gemini.com", "Gemini's current websocket base")
    orders: PageUrl = setting(
        "https://api.sandbox.gemini.com", "Gemini's private REST base, where orders go"
    )
    key: Secret = setting(Secret(""), "Gemini API key of the sandbox account")
    secret: Secret = setting(Secret(""), "Gemini API secret of the sandbox account")


@dataclass(frozen=True)
class BinanceSettings(VenueSettings):
    """Binance: connections are cut after a day."""

    ws_url: WebsocketUrl = setting(BINANCE.websocket_url, "Binance websocket base")
    rest_url: PageUrl = setting(BINANCE.rest_url, "Binance REST base")
    symbols: tuple[str, ...] = setting(BINANCE.default_symbols, "symbols of the Binance feed")
    book: Text = setting(
        "100ms",
        "Binance's book: 100ms or 1000ms (every change, in steps of that), or best (no book, the "
        "best prices alone, at once)",
        choices=("100ms", "1000ms", BEST_PRICES),
    )
    life_h: Hours = setting(
        23.0, "hours until a successor of a Binance connection is opened (cut at 24)", POSITIVE
    )


@dataclass(frozen=True)
class DeribitSettings(VenueSettings):
    """Deribit: which book, how often heartbeats, and a log-in."""

    ws_url: WebsocketUrl = setting(DERIBIT.websocket_url, "Deribit websocket base")
    rest_url: PageUrl = setting(DERIBIT.rest_url, "Deribit REST base")
    symbols: tuple[str, ...] = setting(
        DERIBIT.default_symbols, "instruments of the Deribit feed (BTC-PERPETUAL, BTC-USDC)"
    )
    book: DeribitBook = setting(
        "100ms", "Deribit's book: 100ms (every change), or group.depth.interval (none.20.100ms)"
    )
    heartbeat_s: WholeSeconds = setting(
        30, "seconds between Deribit's heartbeats, 10 or more", NumberRange(lowest=10)
    )
    key: Secret = setting(Secret(""), "Deribit client id; not needed for 100ms data")
    secret: Secret = setting(Secret(""), "Deribit client secret")


def _others() -> dict[str, VenueSettings]:
    return {
        name: VenueSettings(venue.websocket_url, venue.rest_url, venue.default_symbols)
        for name, venue in VENUES.items()
        if name not in Venues.__dataclass_fields__
    }


@dataclass(frozen=True)
class Venues:
    """Venues and suppliers. `up` points them at the simulator, `up --live` not."""

    gemini: GeminiSettings = field(default_factory=GeminiSettings)
    binance: BinanceSettings = field(default_factory=BinanceSettings)
    deribit: DeribitSettings = field(default_factory=DeribitSettings)
    others: Mapping[str, VenueSettings] = field(default_factory=_others)
    coinbase_rest_url: PageUrl = setting("https://api.exchange.coinbase.com", "Coinbase REST base")
    bitstamp_rest_url: PageUrl = setting("https://www.bitstamp.net", "Bitstamp REST base")
    kraken_rest_url: PageUrl = setting("https://api.kraken.com", "Kraken REST base")
    cryptocompare_rest_url: PageUrl = setting(
        "https://min-api.cryptocompare.com", "CryptoCompare REST base"
    )
    cryptocompare_key: Secret = setting(
        Secret(""), "CryptoCompare API key; without one that supplier is left out"
    )
    quote_symbols: tuple[str, ...] = setting(
        ("BTC-USD", "BTC-EUR"), "symbols that the price suppliers are polled for"
    )
    quote_poll_s: FloatSeconds = setting(
        5.0, "seconds between two polls of a price supplier", POSITIVE
    )
    quote_unchanged_s: FloatSeconds = setting(
        300.0,
        "a price supplier whose answer is the same to the byte for so many seconds is down until "
        "it changes; 0: never",
    )
    stale_s: FloatSeconds = setting(30.0, "a feed without a frame for so many seconds is stale")

    def of(self, venue: str) -> VenueSettings:
        """The settings of one venue of VENUES."""
        settings = self.others.get(venue) or getattr(self, venue)
        assert isinstance(settings, VenueSettings)
        return settings
