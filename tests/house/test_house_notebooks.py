"""The notebooks are text alone: what their cells gave stays out of the repository."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from include.settings import ROOT
from tests.support.documents import TEXTS

NOTEBOOKS = [
    ROOT / name
    for name in subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "notebooks"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    if name.endswith(".ipynb")
]


def cells_of(path: Path) -> list[dict[str, object]]:
    cells: list[dict[str, object]] = json.loads(path.read_text())["cells"]
    return cells


def test_each_step_has_a_notebook_that_the_documents_name() -> None:
    assert len(NOTEBOOKS) == 5
    named = re.findall(r"\| `notebooks/(\w+)\.ipynb`", TEXTS["docs/notebooks.md"])
    assert named == [path.stem for path in NOTEBOOKS]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_output_is_in_the_repository(path: Path) -> None:
    for cell in cells_of(path):
        assert not cell.get("outputs") and cell.get("execution_count") is None


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_reads_through_the_products_own_interfaces(path: Path) -> None:
    code = "\n".join("".join(c["source"]) for c in cells_of(path) if c["cell_type"] == "code")  # type: ignore[arg-type]
    imported = set(re.findall(r"^\s*(?:from|import) ([\w.]+)", code, re.MULTILINE))
    allowed = {"matplotlib.pyplot", "pandas", "datetime", "include.lake.reading"}
    assert imported <= allowed | {
        "include.settings",
        "include.lake.reporting",
        "include.lake.book_at",
    }
