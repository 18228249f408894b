"""A measured number beside its peer's: the one row that every benchmark prints and records."""

import os
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from include.atomic_files import write_file
from include.settings import ROOT

RESULTS_FILE = ROOT / "bench" / "RESULTS.md"
RESULTS_HEAD = "# Benchmark results\n"


@dataclass(frozen=True)
class Measurement:
    """One number; `ratio` compares it with the peer of the same run, above 1 is better than it."""

    name: str
    value: float
    unit: str
    peer: str | None = None
    peer_value: float | None = None
    ratio: float | None = None

    @classmethod
    def of(
        cls,
        name: str,
        value: float,
        unit: str,
        *,
        peer: str | None = None,
        peer_value: float | None = None,
        less_is_better: bool = True,
        digits: int | None = 2,
    ) -> "Measurement":
        """A number rounded to so many digits (none: whole), with the ratio to its peer's."""
        ratio = None
        if peer_value is not None:
            ratio = round(peer_value / value if less_is_better else value / peer_value, 2)
        return cls(
            name=name,
            value=round(value, digits),
            unit=unit,
            peer=peer,
            peer_value=None if peer_value is None else round(peer_value, digits),
            ratio=ratio,
        )


MIB = 1024 * 1024
COLUMNS = tuple(column.name for column in fields(Measurement))


def as_rows(measurements: Sequence[Measurement]) -> list[dict[str, Any]]:
    """The stable machine-readable form: name, value, unit, peer, peer_value, ratio."""
    return [asdict(measurement) for measurement in measurements]


def find_quantile(values: Sequence[float], share: float) -> float:
    """The value that a share (0 to 1) of the values does not exceed, linear between two of them."""
    return float(np.quantile(values, share))


def record(measurements: Sequence[Measurement], *, invocation: str, results: Path) -> None:
    """Append a section to `results`: date, invocation, machine, commit, and a table of the rows."""
    lines = [
        "",
        f"## {datetime.now(UTC):%Y-%m-%d %H:%M} UTC: `{invocation}`",
        "",
        f"{describe_machine()}; commit {read_commit()}.",
        "",
        f"| {' | '.join(COLUMNS)} |",
        f"|{'---|' * len(COLUMNS)}",
        *(_markdown(measurement) for measurement in measurements),
    ]
    if not results.exists():
        write_file(results, RESULTS_HEAD)
    with results.open("a") as file:
        file.write("\n".join(lines) + "\n")


def describe_machine() -> str:
    """The machine in words: usable cores, model of the processor, memory."""
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{len(os.sched_getaffinity(0))} cores of {_cpu_model()}, {memory_gib:.1f} GiB of memory"


def read_commit() -> str:
    """The commit that is checked out, and whether files differ from it; `unknown` without git."""
    try:
        head = _git("rev-parse", "--short", "HEAD")
        changes = _git("status", "--porcelain", "--", ".", f":!{RESULTS_FILE.relative_to(ROOT)}")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{head} with local changes" if changes else head


def _cpu_model() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, os.uname().machine)


def _git(*arguments: str) -> str:
    finished = subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return finished.stdout.strip()


def _markdown(measurement: Measurement) -> str:
    cells = ("" if value is None else str(value) for value in asdict(measurement).values())
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
