"""The documents' Python lines that read the lake run as they stand there."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from include.market import wire
from include.market.events import INITIAL, BookChange, Message, Top
from include.market.time import to_epoch_us
from include.settings import ROOT
from tests.support.documents import EXAMPLES, TEXTS, example, make_trades, output_of
from tests.support.landed_messages import land_messages, tell


@pytest.mark.parametrize("reader", ["pandas", "DuckDB"])
def test_the_documents_lines_read_the_lake(reader: str, tmp_path: Path) -> None:
    make_trades(tmp_path)
    numbers = re.findall(r"(gemini|kraken)\D+(\d)\D+(\d)", output_of(example(reader), tmp_path))
    assert numbers == [("gemini", "2", "9"), ("kraken", "1", "8")]


def test_the_documents_book_is_that_of_the_moment(tmp_path: Path) -> None:
    received_us = to_epoch_us(datetime(2026, 11, 20, 12, tzinfo=UTC))
    levels = (("bid", 9, 1), ("ask", 11, 2))
    changes = tuple(
        BookChange(side, Decimal(p), Decimal(q), reason=INITIAL) for side, p, q in levels
    )
    top = Top(*map(Decimal, (9, 1, 11, 2)))
    book = Message("gemini", "BTC-USD", "book", "a", None, None, received_us, changes, top)
    later = replace(book, received_time=received_us + 20_000_000)
    connected = tell(book, "connect", at_us=received_us - 1)
    land_messages(tmp_path / "var/sim/lake", [connected, book, later])
    printed = output_of(example("book"), tmp_path, PYTHONPATH=str(ROOT))
    assert re.findall(r"(\d+)\.0+", printed) == ["2", "9", "1", "11", "2"]


def test_each_example_takes_five_lines_at_most() -> None:
    assert len(EXAMPLES) == 4
    for text in EXAMPLES:
        assert len([line for line in text.splitlines() if line.strip()]) <= 5


def test_the_message_in_the_documents_is_one() -> None:
    (text,) = re.findall(r"```json\n(.*?)```", TEXTS["docs/tables.md"], re.DOTALL)
    message = wire.decode(text.encode())
    assert wire.choose_topic(message) == "market.book"
    assert wire.decode(wire.encode(message)) == message
