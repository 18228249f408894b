"""The findings of a run as a Markdown page: `var/WORLD/quality/RUN.md`, which Airflow links to."""

import os
import re
from pathlib import Path
from typing import Any

import duckdb

from include.atomic_files import write_file
from include.lake.reading import connect

FINDINGS = """
SELECT suite, success, expectation, observed, unexpected_rows, checked_at FROM quality_results
WHERE run_id = $run_id ORDER BY suite, success, expectation
"""
MAX_PAGES = 500


def page_of(folder: Path, run_id: str) -> Path:
    """The path of a run's page: characters that a file name cannot have become `-`."""
    return folder / f"{re.sub(r'[^A-Za-z0-9_.-]', '-', run_id)}.md"


def write_page(folder: Path, *, lake: str, run_id: str) -> Path:
    """Write the page from `quality_results`, atomically, and delete the oldest pages."""
    connection: duckdb.DuckDBPyConnection = connect(lake, ("quality_results",))
    try:
        findings = connection.execute(FINDINGS, {"run_id": run_id}).fetchall()
    finally:
        connection.close()
    return put_page(page_of(folder, run_id), render_page(run_id, findings))


def put_page(page: Path, text: str) -> Path:
    """Write a page atomically, and delete the oldest pages of its folder."""
    page.parent.mkdir(parents=True, exist_ok=True)
    write_file(page, text)
    pages = sorted(page.parent.glob("*.md"), key=os.path.getmtime, reverse=True)
    for old_page in pages[MAX_PAGES:]:
        old_page.unlink(missing_ok=True)
        old_page.with_suffix(".png").unlink(missing_ok=True)
    return page


def render_page(run_id: str, findings: list[tuple[Any, ...]]) -> str:
    """The page of rows (suite, success, expectation, observed, unexpected rows, time)."""
    lines = [f"# Quality of run {run_id}"]
    for suite in dict.fromkeys(row[0] for row in findings):
        suite_rows = [row for row in findings if row[0] == suite]
        failed = sum(not row[1] for row in suite_rows)
        state = (
            f"{failed} of {len(suite_rows)} failed" if failed else f"all {len(suite_rows)} passed"
        )
        lines += [
            "",
            f"## {suite}: {state}",
            "",
            f"Checked at {suite_rows[0][5]:%Y-%m-%d %H:%M:%S} UTC.",
            "",
            "| | expectation | observed | first failed rows |",
            "|---|---|---|---|",
        ]
        for _, success, expectation, observed, failed_rows, _ in suite_rows:
            cells = (_cell(text) for text in (expectation, observed, failed_rows))
            lines.append(f"| {'passed' if success else '**FAILED**'} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(text: str | None) -> str:
    return (text or "").replace("|", "\\|").replace("\n", " ")
