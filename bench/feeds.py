"""How fast a feed takes frames, and how fast Kafka has acknowledged them, beside peers.

What is timed is all that a feed does with a frame: its connection counts, decodes and looks for
silence, its publisher counts and encodes. Per second of this process's processor time, which
others' work lengthens little; publishing (`bench/feed_publishing.py`) per second by the clock.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bench import feeds_peer
from bench.feed_connection import connect_by_hand, decode_binance, decode_gemini
from bench.feed_frames import FRAMES_PER_S, SYMBOLS, find_frames, repeat
from bench.feed_publishing import measure_publishing
from bench.measurement import Measurement
from bench.rounds import compare, take_turns
from include.log import PrintLine
from include.market import wire
from include.market.events import Frame, Message
from include.optional_packages import install_command
from streaming.feeds.decoding import Decoder
from streaming.feeds.feed_publisher import PublishMessage

ROUNDS = 5
DECODED = 40_000  # frames of a round


def measure(data: Path, *, print_line: PrintLine) -> list[Measurement]:
    """Rates of taking and of publishing frames: tapes in `data`, else generated ones."""
    frames = find_frames(data)
    print_line(
        f"{len(frames.trades)} Binance and {len(frames.book)} Gemini frames, {frames.source}"
    )
    if not feeds_peer.is_installed():
        command = install_command("bench")
        print_line(f"cryptofeed is not installed and has no figures: `{command}` installs it")
    return [
        *measure_decoding(frames.trades, frames.book, print_line),
        *measure_publishing(frames.trades, print_line),
    ]


def measure_decoding(
    trade_frames: Sequence[Frame], book_frames: Sequence[Frame], print_line: PrintLine
) -> Iterator[Measurement]:
    """Frames a second to a callback, and to the bytes for Kafka."""
    arms = {
        "decode": lambda: measure_rate(trade_frames, decode_binance, ignore),
        "decode_encode": lambda: measure_rate(trade_frames, decode_binance, encode),
    }
    if feeds_peer.is_installed():
        texts = [frame.data for frame in repeat(trade_frames, DECODED)]
        arms["cryptofeed"] = lambda: feeds_peer.measure_decoding_rate(texts, symbols=SYMBOLS)
    rates = take_turns(arms, rounds=ROUNDS, unit=FRAMES_PER_S, print_line=print_line)
    for arm in ("decode", "decode_encode"):
        beside: dict[str, list[float]] = {
            name: rates[name] for name in (arm, "cryptofeed") if name in rates
        }
        yield from compare(f"{arm}_binance_agg_trades", beside, arm, unit=FRAMES_PER_S)
    of_book = {"decode": lambda: measure_rate(book_frames, decode_gemini, ignore)}
    rates = take_turns(of_book, rounds=ROUNDS, unit=FRAMES_PER_S, print_line=print_line)
    yield from compare("decode_gemini_v1", rates, "decode", unit=FRAMES_PER_S)


def ignore(_message: Message) -> None:
    """A callback that has the message, as a peer's has."""


def encode(message: Message) -> None:
    """What is done with a message on its way to Kafka."""
    wire.choose_topic(message), wire.encode_key(message), wire.encode(message)


def measure_rate(
    frames: Sequence[Frame], make: Callable[[], Decoder], publish: PublishMessage
) -> float:
    """Frames a second of processor time; each time through the frames is a new connection's."""
    spent_s, frame_count = 0.0, 0
    while frame_count < DECODED:
        take = connect_by_hand(make, publish).take
        began_s = time.process_time()
        for frame in frames:
            take(frame)
        spent_s += time.process_time() - began_s
        frame_count += len(frames)
    return frame_count / spent_s
