"""The documents and the Python examples in them, run as they stand there."""

import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

from include.settings import ROOT
from tests.support.lake_of_rows import put

PATHS = [
    *(ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "bench" / "RESULTS.md",
]
TEXTS = {str(path.relative_to(ROOT)): path.read_text() for path in PATHS}
ALL = "\n".join(TEXTS.values())
EXAMPLES = re.findall(r"```python\n(.*?)```", ALL, re.DOTALL)


def example(word: str) -> str:
    """The one Python example with this word in its first line."""
    (text,) = [text for text in EXAMPLES if word in text.partition("\n")[0]]
    return str(text)


def output_of(text: str, folder: Path, **environ: str) -> str:
    """What an example prints, run in a folder."""
    run = subprocess.run(
        [sys.executable, "-c", text],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env=environ or None,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    return run.stdout


def make_trades(folder: Path) -> None:
    """A lake of three trades where the examples look for it."""
    put(
        folder / "var" / "sim" / "lake",
        "trades",
        [
            {"venue": venue, "symbol": "BTC-USD", "price": Decimal(price)}
            for venue, price in (("gemini", 7), ("gemini", 9), ("kraken", 8))
        ],
    )
