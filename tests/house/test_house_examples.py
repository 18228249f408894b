"""The README's lines that read the lake run as they stand there."""

import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from include.settings import ROOT
from tests.support.lake_of_rows import put

EXAMPLES = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)


def example(word: str) -> str:
    (found,) = [text for text in EXAMPLES if word in text.partition("\n")[0]]
    return str(found)


def printed(text: str, folder: Path, **environ: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", text],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env=environ or None,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def make_trades(folder: Path) -> None:
    put(
        folder / "var" / "sim" / "lake",
        "trades",
        [
            {"venue": venue, "symbol": "BTC-USD", "price": Decimal(price)}
            for venue, price in (("gemini", 7), ("gemini", 9), ("kraken", 8))
        ],
    )


@pytest.mark.parametrize("reader", ["pandas", "DuckDB"])
def test_the_readmes_lines_read_the_lake(reader: str, tmp_path: Path) -> None:
    make_trades(tmp_path)
    numbers = re.findall(r"(gemini|kraken)\D+(\d)\D+(\d)", printed(example(reader), tmp_path))
    assert numbers == [("gemini", "2", "9"), ("kraken", "1", "8")]


def test_each_example_takes_five_lines_at_most() -> None:
    assert len(EXAMPLES) == 3
    for text in EXAMPLES:
        assert len([line for line in text.splitlines() if line.strip()]) <= 5
