"""How fast frames are decoded and published on one core, from real tapes, beside peers.

Decoding: Binance aggTrade frames beside cryptofeed, Gemini v1 frames (no peer decodes them).
Publishing: decode and publish beside the bare kafka-python producer sending the same bytes.
All rates are per second of this process's processor time: what else runs changes them little.
"""

import time
from collections.abc import Callable
from pathlib import Path

from bench import feeds_peer
from bench.bare_producer import seconds_to_publish
from bench.measurement import Measurement
from include.bus import Producer, ensure_topics
from include.errors import Unreachable
from include.local.scratch import scratch_broker
from include.market import wire
from include.market.events import Frame
from include.settings import Settings
from streaming.feeds.decoding import Decoder
from streaming.feeds.tape import read_tape
from streaming.feeds.venues.binance.decoder import BinanceDecoder
from streaming.feeds.venues.gemini.v1 import GeminiV1Decoder

BINANCE_TAPE = "ws/binance_spot/btc_eth_dot_aggtrade_depth_kline_2021-04-04_part1"
GEMINI_TAPE = "ws/gemini_v1/btcusd_2018-04-24"
SYMBOLS = ("BTC-USDT", "ETH-USDT", "DOT-USDT")
ROUNDS, REPEATS = 20, 5


def measure(data: Path) -> list[Measurement]:
    """Rates of decoding and of publishing, from the tapes in `data`.

    Raises:
        SettingsError: a tape is not there.
    """
    trades = [frame for frame in read_tape(data / BINANCE_TAPE) if b"@aggTrade" in frame.data]
    book = list(read_tape(data / GEMINI_TAPE))
    peer_rate = (lambda: _peer_rate(trades)) if feeds_peer.is_installed() else None
    plain, encoded, peers = measure_best(
        lambda: _rate(trades, _binance), lambda: _rate(trades, _binance, encode=True), peer_rate
    )
    (gemini,) = measure_best(lambda: _rate(book, _gemini, rounds=2))
    with scratch_broker() as settings:
        ensure_topics(settings.bootstrap)
        published = _measure_publishing(settings, trades)
    return [
        frame_rate("decode_binance_agg_trades", plain, "cryptofeed", peers),
        frame_rate("decode_encode_binance_agg_trades", encoded, "cryptofeed", peers),
        frame_rate("decode_gemini_v1", gemini),
        published,
    ]


def measure_best(*measures: Callable[[], float] | None) -> list[float | None]:
    """The best of some rounds of each, taken in turn: what others do to the machine hits all."""
    rounds = [[rate() if rate else None for rate in measures] for _ in range(REPEATS)]
    return [
        max((rate for rate in rates if rate), default=None) for rates in zip(*rounds, strict=True)
    ]


def frame_rate(
    name: str, rate: float | None, peer: str | None = None, peer_rate: float | None = None
) -> Measurement:
    """Frames a second in whole numbers."""
    return Measurement.of(
        name,
        rate or 0,
        "frames/s",
        peer=peer,
        peer_value=peer_rate,
        less_is_better=False,
        digits=None,
    )


def _binance() -> Decoder:
    return BinanceDecoder(symbols=SYMBOLS, conn="bench")


def _gemini() -> Decoder:
    return GeminiV1Decoder(symbol="BTC-USD", conn="bench")


def _rate(
    frames: list[Frame], make: Callable[[], Decoder], *, encode: bool = False, rounds: int = ROUNDS
) -> float:
    """Frames a second of processor time; each round has a decoder of its own."""
    spent = 0.0
    for _ in range(rounds):
        decoder = make()
        began = time.process_time()
        for frame in frames:
            for message in decoder.decode(frame).messages:
                if encode:
                    wire.encode(message)
        spent += time.process_time() - began
    return len(frames) * rounds / spent


def _peer_rate(frames: list[Frame]) -> float:
    texts = [frame.data for frame in frames] * ROUNDS
    seconds, trade_count = feeds_peer.seconds_to_decode(texts, symbols=SYMBOLS)
    if trade_count != len(texts):
        raise Unreachable(f"the peer decoded {trade_count} trades of {len(texts)} frames")
    return len(texts) / seconds


def _measure_publishing(settings: Settings, frames: list[Frame]) -> Measurement:
    """Decode and publish every frame, beside the same records through the bare producer."""
    decoder = _binance()
    messages = [message for frame in frames for message in decoder.decode(frame).messages]
    records = [
        (wire.topic(message), wire.key(message), wire.encode(message)) for message in messages
    ] * ROUNDS
    rate, bare = measure_best(
        lambda: _publish(settings, frames),
        lambda: (
            len(records) / seconds_to_publish(settings.bootstrap, records, clock=time.process_time)
        ),
    )
    return frame_rate("decode_publish_binance_agg_trades", rate, "bare kafka-python producer", bare)


def _publish(settings: Settings, frames: list[Frame]) -> float:
    producer = Producer(settings.bootstrap, client_id="bench", topics=wire.TOPICS)  # as a feed
    try:
        began = time.process_time()
        for _ in range(ROUNDS):
            decoder = _binance()
            for frame in frames:
                for message in decoder.decode(frame).messages:
                    producer.publish(message)
        producer.flush(120)
        return len(frames) * ROUNDS / (time.process_time() - began)
    finally:
        producer.close()
