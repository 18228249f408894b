"""The venues whose market data is followed: what all rooms must know of each, as plain data.

A new venue is one value here and one folder `streaming/feeds/venues/NAME`. The audit, healing, the
trader's vetoes, settings, programs, colours and metrics all go by `VENUES`. Suppliers of polled
prices are no venues in this sense: they number nothing.
"""

from dataclasses import dataclass
from enum import Enum

from include.market.symbols import CONCATENATED, INSTRUMENTS, SymbolCodec

BETWEEN_CONNECTIONS = "between_connections"  # cause of a gap: trades since the last connection

CLOSES_HOLE = ("healed", "lost")  # entries of the ledger
SNAPSHOT = "snapshot"  # cause of `recovered`: a book is whole again
STOPPED = "stop"  # cause of `disconnect`: the feed was stopped
BEGINS_AGAIN = "begins_again"  # cause of `renumbered`: the venue's numbers are others from here on
HEALING = "heal-"  # how the connection ids of refilled trades begin

# Causes of a `dropped` entry, by the kind of the lost messages.
DROPPED, SPOOL_DAMAGED = "spool full: {kind}", "spool damaged: {kind}"
NOT_ACKNOWLEDGED = "not acknowledged: {kind}"
_DROPPED_BY = (DROPPED, SPOOL_DAMAGED, NOT_ACKNOWLEDGED)
DROPPED_TRADES = tuple(cause.format(kind="trade") for cause in _DROPPED_BY)
DROPPED_BOOK = tuple(cause.format(kind="book") for cause in _DROPPED_BY)


class TradeNumbers(Enum):
    """How a venue counts the trades of a symbol."""

    SEQUENCE = "each message's `seq` are contiguous numbers of trades, over all connections"
    TRADE_ID = "trade ids rise, with holes that mean nothing"
    UNNUMBERED = "no number shows which trades are missing"


class BookNumbers(Enum):
    """How a venue counts the changes of a book."""

    PER_CONNECTION = "each frame's `seq` follows the one before on the same connection"
    CHAINED = "each change names the one before it; the decoder sees a break"
    CHAINED_TO_REST = "each change names the numbers it has; the snapshot comes by REST, later"
    UNNUMBERED = "no number shows which changes are missing"


class HealedByRest(Enum):
    """Which holes of trades the venue's REST can fill."""

    ALWAYS = "every hole of trade numbers"
    BETWEEN_CONNECTIONS = "those between two connections; others are holes of frames"
    NEVER = "none"


@dataclass(frozen=True)
class Venue:
    """What the product must know of a venue beyond its wire format.

    `book_has_time`: book messages carry the venue's time; where not, that of receipt
    stands for it. The addresses, symbols and the port of the feed's metrics are defaults of the
    settings `VENUES_NAME_WS_URL`, `…_REST_URL`, `…_SYMBOLS` and `METRICS_NAME`.
    """

    name: str
    title: str
    trades: TradeNumbers
    book: BookNumbers
    healed_by_rest: HealedByRest
    book_has_time: bool
    symbols: SymbolCodec
    websocket_url: str
    rest_url: str
    default_symbols: tuple[str, ...]
    metrics_port: int

    def heals(self, cause: str) -> bool:
        """Whether REST can fill a hole of trades that the feed ledger gives this cause."""
        if cause in DROPPED_TRADES:
            return self.healed_by_rest is not HealedByRest.NEVER
        if self.healed_by_rest is HealedByRest.BETWEEN_CONNECTIONS:
            return cause == BETWEEN_CONNECTIONS
        return self.healed_by_rest is HealedByRest.ALWAYS


GEMINI = Venue(
    name="gemini",
    title="Gemini",
    trades=TradeNumbers.TRADE_ID,
    book=BookNumbers.PER_CONNECTION,  # v1's socket_sequence
    healed_by_rest=HealedByRest.BETWEEN_CONNECTIONS,
    book_has_time=True,
    symbols=CONCATENATED,
    websocket_url="wss://api.gemini.com",
    rest_url="https://api.gemini.com",
    default_symbols=("BTC-USD",),
    metrics_port=19411,
)
BINANCE = Venue(
    name="binance",
    title="Binance",
    trades=TradeNumbers.SEQUENCE,
    book=BookNumbers.CHAINED_TO_REST,
    healed_by_rest=HealedByRest.ALWAYS,
    book_has_time=False,  # best prices have none
    symbols=CONCATENATED,
    websocket_url="wss://data-stream.binance.vision",
    rest_url="https://data-api.binance.vision",
    default_symbols=("BTC-USDT", "ETH-USDT"),
    metrics_port=19412,
)
DERIBIT = Venue(
    name="deribit",
    title="Deribit",
    trades=TradeNumbers.SEQUENCE,
    book=BookNumbers.CHAINED,
    healed_by_rest=HealedByRest.ALWAYS,
    book_has_time=True,
    symbols=INSTRUMENTS,
    websocket_url="wss://www.deribit.com",
    rest_url="https://www.deribit.com",
    default_symbols=("BTC-PERPETUAL",),
    metrics_port=19413,
)
VENUES = {venue.name: venue for venue in (GEMINI, BINANCE, DERIBIT)}
