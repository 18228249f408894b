"""The findings of a run as a Markdown page: `var/WORLD/quality/RUN.md`, which Airflow links to."""

import re
from typing import Any

import duckdb

from include.atomic_files import write_file
from include.lake.reading import connect
from include.object_path import StorePath

FINDINGS = """
SELECT suite, success, expectation, observed, unexpected_rows, checked_at FROM quality_results
WHERE run_id = $run_id ORDER BY suite, success, expectation
"""


def page_of(folder: StorePath, run_id: str) -> StorePath:
    """The path of a run's page: characters that a file name cannot have become `-`."""
    return folder / f"{re.sub(r'[^A-Za-z0-9_.-]', '-', run_id)}.md"


def write_page(folder: StorePath, *, lake: str, run_id: str) -> StorePath:
    """Write the page from `quality_results`, atomically."""
    connection: duckdb.DuckDBPyConnection = connect(lake, ("quality_results",))
    try:
        findings = connection.execute(FINDINGS, {"run_id": run_id}).fetchall()
    finally:
        connection.close()
    return put_page(page_of(folder, run_id), render_page(run_id, findings))


def put_page(page: StorePath, text: str) -> StorePath:
    """Write a page atomically."""
    page.parent.mkdir(parents=True, exist_ok=True)
    write_file(page, text)
    return page


def remove_old_pages(folder: StorePath, *, newest: int) -> int:
    """Delete all pages but the newest, and pictures without a page; gives how many pages went."""
    pages: list[StorePath] = [*folder.glob("*.md")]
    old_pages = sorted(pages, key=lambda page: page.stat().st_mtime, reverse=True)[newest:]
    for page in old_pages:
        page.unlink(missing_ok=True)
    for picture in folder.glob("*.png"):
        if not picture.with_suffix(".md").exists():
            picture.unlink(missing_ok=True)
    return len(old_pages)


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
            cells = (_render_cell(text) for text in (expectation, observed, failed_rows))
            lines.append(f"| {'passed' if success else '**FAILED**'} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _render_cell(text: str | None) -> str:
    return (text or "").replace("|", "\\|").replace("\n", " ")
