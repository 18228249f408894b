"""Recorded frames as the trader's moments: decoder, measures and windows, without Kafka or Spark.

Every message gets the offset it would have on a topic of its own, and goes through the same bytes
and the same follower as in the running trader.
"""

import heapq
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from include.bus import Record
from include.errors import RejectedFrame, SettingsError
from include.market import wire
from include.market.average import AVERAGE_PRICE, Averages
from include.market.events import Frame, Message
from include.market.liquidity import book_flow
from include.market.measures import imbalance_of
from include.market.prices import prices_of
from include.market.time import SECOND_US
from include.market.windows import Windows
from include.market.wire import Topic, TopicPartition
from include.settings import Settings
from streaming.feeds.decoding import Decoder
from streaming.feeds.ledger import ledger_message
from streaming.feeds.recorded_connections import numbered_connections
from streaming.feeds.registry import stream_specs
from streaming.feeds.tape import read_tape
from streaming.trader.config import TraderConfig
from streaming.trader.followers import Moment, imbalances
from streaming.trader.followers.window_signals import KINDS

ENDING, RECORDED = ".jsonl.gz", "recorded"
Ledger = Callable[[Message], None]


def tapes_in(path: Path) -> list[Path]:
    """The tapes (without their endings) of a folder, or the one that is named.

    Raises:
        SettingsError: there is none.
    """
    if path.is_dir():
        files = sorted(path.glob(f"*{ENDING}"))
    else:
        candidates = (path, path.with_name(path.name + ENDING))
        files = [file for file in candidates if file.is_file()][:1]
    if not files:
        raise SettingsError(f"no tape (NAME{ENDING} with NAME.recv.txt.gz) is at {path}")
    return [file.with_name(file.name.removesuffix(ENDING)) for file in files]


def moments_of_tapes(
    tapes: list[Path], settings: Settings, *, ledger: Ledger | None = None
) -> Iterator[Moment]:
    """The moments of the settings' venue, symbol and rule, in the order of receipt.

    `ledger` takes the messages of the feed ledger: each recorded connection's beginning and end,
    and the holes.

    Raises:
        SettingsError: a tape cannot be read, or the venue is not known.
    """
    book_end = signal_end = 0
    config = TraderConfig.from_settings(settings)
    follower = config.follower(lambda: {TopicPartition(Topic.BOOK, 0): book_end})
    stream = _SignalStream(config, settings)
    signal_key = f"{config.signal_venue}|{config.symbol}".encode()
    for message in _decode_messages(tapes, settings, ledger or _no_ledger):
        if wire.choose_topic(message) == Topic.BOOK:
            key = wire.encode_key(message)
            follower.take(Record(Topic.BOOK, 0, book_end, 0, key, wire.encode(message)))
            book_end += 1
        for signal in stream.signals(message, book_end - 1):
            follower.take(Record(Topic.SIGNALS, 0, signal_end, 0, signal_key, signal))
            signal_end += 1
        while moment := follower.next({TopicPartition(Topic.BOOK, 0): book_end}):
            yield moment


class _SignalStream:
    """What the stream would measure on each book message, as bytes of market.signals."""

    def __init__(self, config: TraderConfig, settings: Settings) -> None:
        self._fields = {
            "v": wire.VERSION,
            "venue": config.signal_venue,
            "symbol": config.symbol,
            "type": config.signal_type,
        }
        self._windows = Windows(
            window_s=settings.stream.window_s, delay_s=settings.stream.close_after_s
        )
        self._average_us = settings.stream.average_s * SECOND_US
        self._averages = Averages(
            average_s=settings.stream.average_s,
            stale_s=settings.stream.average_stale_s,
            every_s=settings.stream.average_every_s,
        )

    def signals(self, message: Message, offset: int) -> list[bytes]:
        """The signals that the rule follows; `offset` is the message's own."""
        if self._fields["type"] == AVERAGE_PRICE:
            return self._average(message)
        if wire.choose_topic(message) != Topic.BOOK:
            return []
        if self._fields["type"] == imbalances.SIGNAL_TYPE:
            return self._imbalance(message, offset)
        return [
            self._encode(
                str(amount),
                type=kind,
                timestamp=window.window_end,
                window_start=window.window_start,
            )
            for window in self._windows.take(book_flow(message))
            for kind, amount in zip(KINDS, (window.ratio, window.bid, window.ask), strict=True)
            if amount is not None
        ]

    def _average(self, message: Message) -> list[bytes]:
        for price in prices_of(message):
            self._averages.take(price)
        return [
            self._encode(
                f"{average.price:f}",
                timestamp=average.second * SECOND_US,
                window_start=average.second * SECOND_US - self._average_us,
            )
            for average in self._averages.advance()
        ]

    def _imbalance(self, message: Message, offset: int) -> list[bytes]:
        imbalance = imbalance_of(message.top) if message.top else None
        if imbalance is None:
            return []
        venue_time, received_time = message.venue_time, message.received_time
        time_us = venue_time if venue_time is not None else received_time
        return [
            self._encode(
                f"{imbalance:f}",
                timestamp=time_us,
                window_start=time_us,
                received_time=received_time,
                source={"topic": Topic.BOOK, "partition": 0, "offset": offset},
            )
        ]

    def _encode(self, signal_value: str, **measure_fields: object) -> bytes:
        return json.dumps(self._fields | {"value": signal_value} | measure_fields).encode()


def _decode_messages(tapes: list[Path], settings: Settings, ledger: Ledger) -> Iterator[Message]:
    """The messages that the feed would send of the symbol."""
    symbol = settings.trader.symbol
    frames = [_read_frames(number, tape, settings, ledger) for number, tape in enumerate(tapes)]
    for frame, decoder in heapq.merge(*frames, key=lambda pair: pair[0].received_time):
        try:
            messages = decoder.decode(frame).messages
        except RejectedFrame:
            continue
        for message in messages:
            if message.symbol == symbol and wire.choose_topic(message) == Topic.LEDGER:
                ledger(message)
            elif message.symbol == symbol:
                yield message


def _read_frames(
    tape_number: int, tape: Path, settings: Settings, ledger: Ledger
) -> Iterator[tuple[Frame, Decoder]]:
    """The frames of a tape, each with the decoder of its recorded connection."""
    venues, trader = settings.venues, settings.trader
    service = tape.parent.name.removeprefix("gemini_")
    if trader.venue == "gemini" and service in {"v1", "v2", "current"}:
        venues = replace(venues, gemini=replace(venues.gemini, service=service))
    (stream, *_) = stream_specs(trader.venue, venues=venues, symbols=(trader.symbol,))
    last_ids: dict[str, int] = {}
    entry = partial(ledger_message, venue=trader.venue, symbol=trader.symbol)
    conn, at_us, decoder = "", 0, None
    for number, frame in numbered_connections(read_tape(tape), stream.name_start):
        if decoder is None or conn != f"tape-{tape_number}-{number}":
            if decoder:
                ledger(entry("disconnect", RECORDED, conn=conn, at_us=at_us))
            conn = f"tape-{tape_number}-{number}"
            decoder = stream.decoder(conn, last_ids)
            ledger(entry("connect", RECORDED, conn=conn, at_us=frame.received_time))
        at_us = frame.received_time
        yield frame, decoder
    if decoder:
        ledger(entry("disconnect", RECORDED, conn=conn, at_us=at_us))


def _no_ledger(_message: Message) -> None:
    return
