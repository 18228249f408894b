"""The book of an instant, from a lake made of recordings, beside others' books and a replay."""

import csv
import gzip
import random
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from include.lake.book_at import book_at
from include.market.book import Book
from include.market.events import Message
from include.market.levels import Level, sort_levels
from include.market.time import from_epoch_us
from streaming.feeds.tape import read_tape
from streaming.feeds.venues.deribit.decoder import DeribitDecoder
from streaming.feeds.venues.gemini.v1 import GeminiV1Decoder
from streaming.feeds.venues.gemini.v2 import GeminiV2Decoder
from tests.support.landed_messages import land_messages, tell

Sides = tuple[tuple[Level, ...], tuple[Level, ...]]
LEVELS_OF_THE_ORACLE = 12


def decode(
    decoder: GeminiV1Decoder | GeminiV2Decoder | DeribitDecoder, tape: Path
) -> list[Message]:
    return [message for frame in read_tape(tape) for message in decoder.decode(frame).messages]


def land(lake: Path, messages: list[Message]) -> None:
    first = messages[0]
    symbols = {message.symbol: message for message in reversed(messages)}
    opened = [tell(one, "connect", at_us=first.received_time - 1) for one in symbols.values()]
    land_messages(lake, [*opened, *messages])


def replay(messages: list[Message], symbol: str) -> Iterator[tuple[int, Sides]]:
    """Each time of receipt with the book after all that came at it."""
    book, books = Book(), [one for one in messages if one.kind == "book" and one.symbol == symbol]
    for message, after in zip(books, [*books[1:], None], strict=True):
        if any(event.reason == "initial" for event in message.events):  # type: ignore[union-attr]
            book.reset(())
        for event in message.events:
            book.apply(event)  # type: ignore[arg-type]
        if after is None or after.received_time > message.received_time:
            levels = book.levels.items()
            yield (
                message.received_time,
                sort_levels((side, *level) for side, of in levels for level in of.items()),  # type: ignore[misc]
            )


@pytest.fixture(scope="module")
def gemini(
    shared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[Message]]:
    tape = shared_data / "ws/gemini_v1/btcusd_2018-04-24"
    messages = decode(GeminiV1Decoder(symbol="BTC-USD", conn="tape"), tape)
    lake = tmp_path_factory.mktemp("gemini")
    land(lake, messages)
    return lake, messages


def test_it_is_the_third_partys_book_at_moments_it_covers(
    shared_data: Path, gemini: tuple[Path, list[Message]]
) -> None:
    oracle = shared_data / "ws/gemini_v1/oracle_btcusd_2018-04-24.book.csv.gz"
    with gzip.open(oracle, "rt") as lines:
        rows = {row["reporttimestamp"]: row for row in csv.DictReader(lines)}
    lasting = {time_us // 1000: time_us for time_us, _ in replay(gemini[1], "BTC-USD")}
    sample = random.Random(24).sample(sorted(rows), 60)
    for name in sample:
        book = book_at(
            str(gemini[0]),
            "gemini",
            "BTC-USD",
            from_epoch_us(lasting[int(name)]),
            depth=LEVELS_OF_THE_ORACLE,
        )
        for side, levels in (("bid", book.bids), ("ask", book.asks)):
            seen = [
                (Decimal(rows[name][f"{side}p{n}"]), Decimal(rows[name][f"{side}v{n}"]))
                for n in range(LEVELS_OF_THE_ORACLE)
            ]
            assert list(levels) == seen, name


def test_it_is_the_book_of_a_replay_at_any_moment(gemini: tuple[Path, list[Message]]) -> None:
    books = list(replay(gemini[1], "BTC-USD"))
    for time_us, sides in random.Random(5).sample(books, 40):
        book = book_at(str(gemini[0]), "gemini", "BTC-USD", from_epoch_us(time_us))
        assert (book.bids, book.asks) == sides


def test_books_of_gemini_v2_and_deribit_are_those_of_a_replay(
    shared_data: Path, tmp_path: Path
) -> None:
    deribit = shared_data / "ws/deribit/options_book_ticker_2021-04-17"
    gemini = shared_data / "ws/gemini_v2/mixed_2021-04-17"
    names = set(
        re.findall(r'"instrument_name": ?"([^"]+)"', gzip.open(f"{deribit}.jsonl.gz", "rt").read())
    )
    spelled = set(re.findall(r'"symbol": ?"([^"]+)"', gzip.open(f"{gemini}.jsonl.gz", "rt").read()))
    symbols = tuple(f"{name[:-3]}-{name[-3:]}" for name in sorted(spelled))
    for venue, tape, decoder in (
        ("gemini", gemini, GeminiV2Decoder(symbols=symbols, conn="two")),
        (
            "deribit",
            deribit,
            DeribitDecoder(instruments={name: name for name in names}, conn="one"),
        ),
    ):
        messages = decode(decoder, tape)
        land(tmp_path / venue, messages)
        for symbol in sorted({one.symbol for one in messages if one.kind == "book"}):
            moments = list(replay(messages, symbol))
            for time_us, sides in random.Random(symbol).sample(moments, min(5, len(moments))):
                book = book_at(str(tmp_path / venue), venue, symbol, from_epoch_us(time_us))
                assert (book.bids, book.asks) == sides
