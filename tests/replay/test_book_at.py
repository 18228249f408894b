"""The book of an instant, from a lake made of recordings, beside others' books and a replay."""

import csv
import gzip
import json
import random
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from include.errors import NoBook
from include.lake.book_at import book_at
from include.market.book import Book
from include.market.events import Frame, Message
from include.market.levels import Level, sort_levels
from include.market.time import from_epoch_us
from streaming.feeds.decoding import PageRequest
from streaming.feeds.tape import read_tape
from streaming.feeds.venues.binance.decoder import BinanceDecoder
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


BINANCE_TAPE = "ws/binance_spot/btc_eth_dot_aggtrade_depth_kline_2021-04-04_part1"
BINANCE_PAGES = "ws/binance_spot/btc_eth_dot_2021-04-04.rest_depth.txt.gz"


def read_pages(path: Path) -> Iterator[tuple[str, Frame]]:
    """The snapshots that REST gave during the recording, as the feed frames them."""
    for line in gzip.open(path, "rt"):
        url, _, answer = line.partition(" -> ")
        at_s, _, page = answer.partition(": ")
        (spelling,) = re.findall(r"symbol=(\w+)", url)
        request = PageRequest(url, f"{spelling.lower()}@depthSnapshot")
        yield spelling, Frame(request.frame(page.encode()), int(Decimal(at_s) * 10**6))


def binance_book(frames: list[Frame], spelling: str, until_us: int) -> Sides | None:
    """The book by the venue's own recipe, of the frames received by then; none before it has one.

    Nothing of the decoder is used: JSON, two dictionaries and the numbers `U` and `u`.
    """
    depths: list[dict[str, Any]] = []
    page = None
    for frame in frames:
        message = json.loads(frame.data)
        if frame.received_time > until_us or not message["stream"].startswith(spelling.lower()):
            continue
        if message["stream"].endswith("@depthSnapshot"):
            page = message["data"]
        elif "@depth" in message["stream"]:
            depths.append(message["data"])
    if page is None:
        return None
    sides = [{Decimal(p): Decimal(q) for p, q in page[name]} for name in ("bids", "asks")]
    last = page["lastUpdateId"]
    for depth in depths:
        if depth["u"] <= last:
            continue
        assert depth["U"] <= last + 1
        last = depth["u"]
        for side, name in zip(sides, "ba", strict=True):
            side.update((Decimal(p), Decimal(q)) for p, q in depth[name])
    bids, asks = (sorted((p, q) for p, q in side.items() if q) for side in sides)
    return tuple(reversed(bids)), tuple(asks)


def test_books_of_binance_are_those_of_its_own_recipe(shared_data: Path, tmp_path: Path) -> None:
    pages = dict(read_pages(shared_data / BINANCE_PAGES))
    frames = sorted(
        [*read_tape(shared_data / BINANCE_TAPE), *pages.values()],
        key=lambda frame: frame.received_time,
    )
    symbols = {"BTCUSDT": "BTC-USDT", "ETHUSDT": "ETH-USDT", "DOTUSDT": "DOT-USDT"}
    decoder = BinanceDecoder(symbols=tuple(symbols.values()), conn="tape")
    messages = [message for frame in frames for message in decoder.decode(frame).messages]
    assert not [one for one in messages if one.kind == "ledger"]
    land(tmp_path, messages)
    for spelling, symbol in symbols.items():
        begin_us = pages[spelling].received_time
        times_us = [f.received_time for f in frames if f.received_time >= begin_us]
        for time_us in random.Random(spelling).sample(times_us, 6):
            book = book_at(str(tmp_path), "binance", symbol, from_epoch_us(time_us))
            assert (book.bids, book.asks) == binance_book(frames, spelling, time_us)
            assert len(book.bids) > 900 and book.top() is not None
        with pytest.raises(NoBook, match="had not received its first snapshot yet"):
            book_at(str(tmp_path), "binance", symbol, from_epoch_us(begin_us - 1))
