"""The findings of a run as a Markdown page: `var/WORLD/quality/RUN.md`, which Airflow links to."""

import os
import re
from pathlib import Path
from typing import Any

import duckdb

from include.atomic_files import write_file
from include.lake.reading import connect

FOUND = """
SELECT suite, success, expectation, observed, unexpected_rows, checked_at FROM quality_results
WHERE run_id = $run_id ORDER BY suite, success, expectation
"""
KEPT_PAGES = 500


def page_of(folder: Path, run_id: str) -> Path:
    """Where a run's page is: what a file name cannot hold becomes `-`."""
    return folder / f"{re.sub(r'[^A-Za-z0-9_.-]', '-', run_id)}.md"


def write_page(folder: Path, *, lake: str, run_id: str) -> Path:
    """Write the page anew from `quality_results`, whole or not at all, and clear old ones away."""
    link: duckdb.DuckDBPyConnection = connect(lake, ("quality_results",))
    try:
        rows = link.execute(FOUND, {"run_id": run_id}).fetchall()
    finally:
        link.close()
    return put_page(page_of(folder, run_id), rendered(run_id, rows))


def put_page(page: Path, text: str) -> Path:
    """Put a page in place whole, and clear the oldest pages of its folder away."""
    page.parent.mkdir(parents=True, exist_ok=True)
    write_file(page, text)
    pages = sorted(page.parent.glob("*.md"), key=os.path.getmtime, reverse=True)
    for old in pages[KEPT_PAGES:]:
        old.unlink(missing_ok=True)
        old.with_suffix(".png").unlink(missing_ok=True)
    return page


def rendered(run_id: str, rows: list[tuple[Any, ...]]) -> str:
    """The page of rows (suite, success, expectation, observed, unexpected rows, time)."""
    lines = [f"# Quality of run {run_id}"]
    for suite in dict.fromkeys(row[0] for row in rows):
        own = [row for row in rows if row[0] == suite]
        failed = sum(not row[1] for row in own)
        state = f"{failed} of {len(own)} failed" if failed else f"all {len(own)} passed"
        lines += [
            "",
            f"## {suite}: {state}",
            "",
            f"Looked at {own[0][5]:%Y-%m-%d %H:%M:%S} UTC.",
            "",
            "| | expectation | observed | first rows at fault |",
            "|---|---|---|---|",
        ]
        for _, success, expectation, observed, at_fault, _ in own:
            cells = (_cell(text) for text in (expectation, observed, at_fault))
            lines.append(f"| {'passed' if success else '**FAILED**'} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(text: str | None) -> str:
    return (text or "").replace("|", "\\|").replace("\n", " ")
