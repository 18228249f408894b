"""The notebooks run from the first cell to the last on a small world, each in its own kernel."""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from include.optional_packages import install_command
from include.settings import ROOT
from tests.conftest import make_environment
from tests.support.absences import describe_absence
from tests.support.notebook_world import make_world

NOTEBOOKS = sorted((ROOT / "notebooks").glob("[1-5]_*.ipynb"))
ABSENT = describe_absence("nbclient is not installed", command=install_command("notebooks"))
pytestmark = pytest.mark.skipif(find_spec("nbclient") is None, reason=ABSENT)


def run(notebook: Path, var: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The notebook with what its cells printed and drew."""
    import nbformat
    from nbclient import NotebookClient

    for name in [name for name in os.environ if name.startswith("TICKHOUSE_")]:
        monkeypatch.delenv(name)
    for name, value in make_environment(var).items():
        monkeypatch.setenv(name, value)
    var.mkdir(exist_ok=True)
    monkeypatch.setenv("IPYTHONDIR", str(var / "ipython"))
    monkeypatch.setenv("MPLCONFIGDIR", str(var / "matplotlib"))
    book = nbformat.read(notebook, as_version=4)
    resources = {"metadata": {"path": str(ROOT)}}
    NotebookClient(book, timeout=120, kernel_name="python3", resources=resources).execute()
    return book


def outputs_of(book: Any) -> list[Any]:
    return [output for cell in book.cells for output in cell.get("outputs", [])]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_draws(
    notebook: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    var = tmp_path / "var"
    world = make_environment(var).get("TICKHOUSE_WORLD", "sim")
    make_world(var / world / "lake")
    outputs = outputs_of(run(notebook, var, monkeypatch))
    kinds = [kind for output in outputs for kind in output.get("data", {})]
    assert "image/png" in kinds and "text/html" in kinds
    printed = "".join(output.get("text", "") for output in outputs)
    expected = {
        "3_liquidity": "differs by 0.0e+00",  # 300 over 200 is 1.5
        "5_results": "3 trips, 33% of them with a profit, fees 6.0",  # sales at 0, 20 and 40
    }
    assert expected.get(notebook.stem, "") in printed


def test_without_rows_a_notebook_ends_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nbclient.exceptions import CellExecutionError

    with pytest.raises(CellExecutionError, match="no history has been ingested yet"):
        run(NOTEBOOKS[0], tmp_path / "var", monkeypatch)
