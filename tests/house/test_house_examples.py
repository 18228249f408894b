"""The documents' Python lines that read the lake run as they stand there."""

import re
from pathlib import Path

import pytest

from include.market import wire
from tests.support.documents import EXAMPLES, TEXTS, example, make_trades, output_of


@pytest.mark.parametrize("reader", ["pandas", "DuckDB"])
def test_the_documents_lines_read_the_lake(reader: str, tmp_path: Path) -> None:
    make_trades(tmp_path)
    numbers = re.findall(r"(gemini|kraken)\D+(\d)\D+(\d)", output_of(example(reader), tmp_path))
    assert numbers == [("gemini", "2", "9"), ("kraken", "1", "8")]


def test_each_example_takes_five_lines_at_most() -> None:
    assert len(EXAMPLES) == 3
    for text in EXAMPLES:
        assert len([line for line in text.splitlines() if line.strip()]) <= 5


def test_the_message_in_the_documents_is_one() -> None:
    (text,) = re.findall(r"```json\n(.*?)```", TEXTS["docs/tables.md"], re.DOTALL)
    message = wire.decode(text.encode())
    assert wire.choose_topic(message) == "market.book"
    assert wire.decode(wire.encode(message)) == message
