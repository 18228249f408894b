"""What a test may lack on this machine, and the command that brings it."""

import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any


def describe_absence(absent: str, *, command: str) -> str:
    """The reason of a skipped test."""
    return f"{absent}; brought by: {command}"


RECORDINGS = describe_absence(
    "the recordings of real venues (../shared/data) are not on this machine",
    command=".venv/bin/python -m streaming.feeds VENUE --record ../shared/data",
)


def absent_programs(*names: str, package: str) -> str:
    """The reason to skip a test that needs these programs; empty if all are there."""
    absent = [name for name in names if shutil.which(name) is None]
    command = f"apt-get install {package}"
    return describe_absence(f"no {' and no '.join(absent)} here", command=command) if absent else ""


def skipped_lines(skips: Sequence[Any]) -> Iterator[str]:
    """One line for each reason of skipped tests (path, line, reason), the most frequent first."""
    if skips:
        yield f"{len(skips)} tests were skipped:"
    reasons = Counter(str(reason).removeprefix("Skipped: ") for _, _, reason in skips)
    for reason, count in reasons.most_common():
        folders = sorted(
            {path.rpartition("tests/")[2] for path, _, text in skips if reason in text}
        )
        shown = ", ".join(folders[:2]) + (", …" if len(folders) > 2 else "")
        yield f"  {count} of {shown}: {reason}"
