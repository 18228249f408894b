"""A feed's connection as the feed makes it, to be given frames by hand."""

from collections.abc import Callable

from bench.feed_frames import SYMBOLS
from include.clock import now_us
from streaming.feeds.connection import Connection
from streaming.feeds.decoding import Decoder
from streaming.feeds.feed_publisher import FeedPublisher, PublishMessage
from streaming.feeds.stream_spec import StreamSpec
from streaming.feeds.transport import connect
from streaming.feeds.venues.binance.decoder import BinanceDecoder
from streaming.feeds.venues.gemini.v1 import GeminiV1Decoder


def decode_binance() -> Decoder:
    """A fresh decoder of the aggregate trades."""
    return BinanceDecoder(symbols=SYMBOLS, conn="bench")


def decode_gemini() -> Decoder:
    """A fresh decoder of the book."""
    return GeminiV1Decoder(symbol="BTC-USD", conn="bench")


def connect_by_hand(make: Callable[[], Decoder], publish: PublishMessage) -> Connection:
    """A new connection with a new decoder; `take` gives it a frame."""
    spec = StreamSpec(
        venue="bench",
        symbols=SYMBOLS,
        url="",
        subscribe=(),
        tape="",
        decoder=lambda *_: make(),
    )
    publisher = FeedPublisher(
        venue=spec.venue, symbols=spec.symbols, publish=publish, now_us=now_us
    )
    return Connection(
        spec=spec,
        publisher=publisher,
        connect=connect,
        conn="bench",
        decoder=make(),
        cause="bench",
        stale_s=60,
    )
