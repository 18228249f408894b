"""Recorded frames as the trader's moments: decoder, measures and windows, without Kafka or Spark.

Every message gets the place it would have on a topic of its own, and goes through the same bytes
and the same follower as in the running trader.
"""

import heapq
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from include.bus import Record
from include.errors import RejectedFrame, SettingsError
from include.market import wire
from include.market.events import Frame, Message
from include.market.liquidity import Windows
from include.market.measures import told_imbalance
from include.market.wire import TopicPartition
from include.settings import Settings
from include.trading.rules import RULES
from streaming.feeds.decoded import Decoder
from streaming.feeds.registry import links
from streaming.feeds.tape import read_tape
from streaming.trader.market import BOOK, SIGNALS
from streaming.trader.parameters import rule_of
from streaming.trader.rehearsal import Moment, follower_of

ENDING = ".jsonl.gz"


def tapes_in(path: Path) -> list[Path]:
    """The tapes (without their endings) of a folder, or the one that is named.

    Raises:
        SettingsError: there is none.
    """
    if path.is_dir():
        found = sorted(path.glob(f"*{ENDING}"))
    else:
        found = [one for one in (path, path.with_name(path.name + ENDING)) if one.is_file()][:1]
    if not found:
        raise SettingsError(f"no tape (NAME{ENDING} with NAME.recv.txt.gz) is at {path}")
    return [one.with_name(one.name.removesuffix(ENDING)) for one in found]


def moments_of_tapes(tapes: list[Path], settings: Settings) -> Iterator[Moment]:
    """The moments of the settings' venue, symbol and rule, in the order of receipt.

    Raises:
        SettingsError: a tape is cut short of its times, or the venue is not known.
    """
    book_end = 0
    market = follower_of(settings, lambda: {TopicPartition(BOOK, 0): book_end})
    measure = _Measures(settings)
    signals = 0
    for message in _messages(tapes, settings):
        value = wire.encode(message)
        market.take(Record(BOOK, 0, book_end, 0, measure.key, value))
        book_end += 1
        for text in measure.of(message, book_end - 1):
            market.take(Record(SIGNALS, 0, signals, 0, measure.key, text))
            signals += 1
        while found := market.next({TopicPartition(BOOK, 0): book_end}):
            yield Moment(*found)


class _Measures:
    """What the stream would tell of each book message, as bytes of market.signals."""

    def __init__(self, settings: Settings) -> None:
        trader, stream = settings.trader, settings.stream
        self._kind = RULES[rule_of(settings)].signal_type
        self._about = {"v": 1, "venue": trader.venue, "symbol": trader.symbol, "type": self._kind}
        self.key = f"{trader.venue}|{trader.symbol}".encode()
        self._windows = Windows(window_s=stream.window_s, watermark_s=stream.watermark_s)

    def of(self, message: Message, offset: int) -> list[bytes]:
        """The signals of the kind that the rule follows."""
        if self._kind == "imbalance":
            return self._lean(message, offset)
        return [
            self._told(str(one.ratio), timestamp=one.window_end, window_start=one.window_start)
            for one in self._windows.take(message)
            if one.ratio is not None
        ]

    def _lean(self, message: Message, offset: int) -> list[bytes]:
        value = told_imbalance(message.top) if message.top else None
        if value is None:
            return []
        venue_time, received = message.venue_time, message.received_time
        at = venue_time if venue_time is not None else received
        source = {"topic": BOOK, "partition": 0, "offset": offset}
        return [
            self._told(
                f"{value:f}", timestamp=at, window_start=at, received_time=received, source=source
            )
        ]

    def _told(self, value: str, **more: object) -> bytes:
        return json.dumps(self._about | {"value": value} | more).encode()


def _messages(tapes: list[Path], settings: Settings) -> Iterator[Message]:
    """The messages that the feed would put on market.book of the symbol."""
    frames = [_told_by(number, tape, settings) for number, tape in enumerate(tapes)]
    for frame, decoder in heapq.merge(*frames, key=lambda one: one[0].received_time):
        try:
            told = decoder.decode(frame).messages
        except RejectedFrame:
            continue
        for message in told:
            if wire.topic(message) == BOOK and message.symbol == settings.trader.symbol:
                yield message


def _told_by(number: int, tape: Path, settings: Settings) -> Iterator[tuple[Frame, Decoder]]:
    venues, trader = settings.venues, settings.trader
    spoken = tape.parent.name.removeprefix("gemini_")
    if trader.venue == "gemini" and spoken in {"v1", "v2", "current"}:
        venues = replace(venues, gemini=replace(venues.gemini, service=spoken))
    (link, *_) = links(trader.venue, venues=venues, symbols=(trader.symbol,))
    decoder = link.decoder(f"tape-{number}", {})
    for frame in read_tape(tape):
        yield frame, decoder
