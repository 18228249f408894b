"""Two recorded Gemini connections: every frame decodes, and the book is what others saw."""

import csv
import gzip
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from include.market.events import Message, Top
from streaming.feeds.tape import read_tape
from streaming.feeds.venues.gemini.v1 import GeminiV1Decoder


def decoded(shared_data: Path, name: str) -> list[Message]:
    decoder = GeminiV1Decoder(symbol="BTC-USD", conn="tape")
    found = [decoder.decode(one) for one in read_tape(shared_data / "ws/gemini_v1" / name)]
    assert not any(one.resync for one in found) and not decoder.ignored
    return [message for one in found for message in one.messages]


@pytest.mark.parametrize(
    ("name", "frames", "trades", "levels"),
    [("btcusd_2018-04-24", 9396, 174, 4898), ("btcusd_2018-04-19", 6074, 2, 5128)],
)
def test_every_frame_is_one_book_message(
    shared_data: Path, name: str, frames: int, trades: int, levels: int
) -> None:
    messages = decoded(shared_data, name)
    books = [message for message in messages if message.kind == "book"]
    assert Counter(message.kind for message in messages) == {"book": frames, "trade": trades}
    assert [book.seq for book in books] == [(n, n) for n in range(frames)]
    assert len(books[0].events) == levels and books[0].venue_time is None
    assert all(book.top is not None for book in books)


def test_the_top_of_book_is_the_oracles_in_every_row(shared_data: Path) -> None:
    by_time: dict[int, list[Top | None]] = {}
    for message in decoded(shared_data, "btcusd_2018-04-24"):
        if message.kind == "book":
            by_time.setdefault(message.received_time // 1000, []).append(message.top)
    oracle = shared_data / "ws/gemini_v1/oracle_btcusd_2018-04-24.book.csv.gz"
    with gzip.open(oracle, "rt") as lines:
        rows = list(csv.DictReader(lines))
    for row in rows:
        seen = Top(*(Decimal(row[name]) for name in ("bidp0", "bidv0", "askp0", "askv0")))
        assert seen in by_time[int(row["reporttimestamp"])], row["reporttimestamp"]
    assert len(rows) == 4960


def test_a_lost_frame_is_a_gap_and_ends_the_book(shared_data: Path) -> None:
    decoder = GeminiV1Decoder(symbol="BTC-USD", conn="tape")
    frames = list(read_tape(shared_data / "ws/gemini_v1/btcusd_2018-04-19"))[:20]
    for frame in frames[:10]:
        assert decoder.decode(frame).messages[0].top is not None
    after = decoder.decode(frames[12])
    gap, book = after.messages[:2]
    assert after.resync and gap.kind == "ledger" and book.top is None
    assert (gap.events[0].first_seq, gap.events[0].last_seq) == (10, 11)  # type: ignore[union-attr]
