"""The documents and the Python examples in them, run as they stand there."""

import re
import shlex
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
FENCED = re.compile(r"^ *```(?:bash|sh|text)?\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
CALL = re.compile(r"(?:[A-Z_]+=\S+ )*\./tickhouse ")
INLINE = re.compile(r"`(\./tickhouse [^`]+)`")


def list_commands(text: str) -> list[str]:
    """The lines of blocks, and the inline ones, that call the command."""
    lines = [line.strip() for block in FENCED.findall(text) for line in block.splitlines()]
    commands = [line for line in lines if CALL.match(line)]
    prose = FENCED.sub("", text).replace("\\|", "|")
    return commands + [match.replace("\n", " ") for match in INLINE.findall(prose)]


# as usage is written: [OPTIONAL], A|B, and words in capitals for what the reader puts in
COMMANDS = sorted(
    {
        command
        for text in TEXTS.values()
        for command in list_commands(text)
        if not re.search(r"[\[…|]|VERB", command.replace("| jq", ""))
    }
)


def words_of(command: str) -> list[str]:
    """A command's words behind `./tickhouse`, up to what a shell would begin there."""
    words = shlex.split(command, comments=True)
    words = words[words.index("./tickhouse") + 1 :]
    ends = [index for index, word in enumerate(words) if word in {"&&", "|", ">", ";"}]
    return words[: min(ends)] if ends else words


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
