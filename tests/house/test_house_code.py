"""How the code reads: sizes, names, no print, the environment read in one place only."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

from include.settings import ROOT
from tests.house import measures

SOURCES = [
    ROOT / name
    for name in subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.split()
    if (ROOT / name).exists()
]
OWN = [path for path in SOURCES if path.relative_to(ROOT).parts[0] != "tests"]
VAGUE = {"utils", "helpers", "common", "base", "manager", "handler", "service", "data", "info"}
READS_ENVIRONMENT = {
    "include/settings/__init__.py",
    "include/local/platform.py",
    "include/local/java.py",
    "include/local/postgres.py",
    "include/orchestration/cleaning.py",
    "cli/preparing.py",
    "cli/running.py",
    "spark_jobs/session.py",
}


WRITES_IN_PLACE = {
    "include/lake/archive.py": "the draft that it then publishes",
    "include/forecast/plots.py": "a buffer in memory",
    "include/local/class_archive.py": "the log of a child, and a switch of the kernel's",
    "streaming/trader/rehearsal/report.py": "a buffer in memory",
    "streaming/feeds/tape.py": "a recording that grows until it is stopped",
    "cli/main.py": "a traceback in the temporary folder, where nothing more may fail",
    "cli/results.py": "where the user asked for it: it may be a pipe",
    "cli/trading.py": "where the user asked for it: it may be a pipe",
}


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_there_is_code_to_look_at() -> None:
    assert len(OWN) > 50


@pytest.mark.parametrize("path", OWN, ids=named)
def test_a_file_is_short_and_says_what_it_is_about(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= 300
    assert ast.get_docstring(ast.parse(text))


@pytest.mark.parametrize("path", OWN, ids=named)
def test_a_function_is_short(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno + 1 <= 50, f"{named(path)}:{node.lineno}"


def test_no_file_has_a_vague_name() -> None:
    assert [named(path) for path in OWN if path.stem in VAGUE] == []


def test_the_environment_is_read_where_it_may_be() -> None:
    readers = {named(path) for path in OWN if re.search(r"os\.environ|getenv", path.read_text())}
    assert readers - READS_ENVIRONMENT == set()


def test_a_file_is_written_whole_or_not_at_all() -> None:
    writers = {named(path) for path in OWN if any(measures.bare_writes(path))}
    assert writers == set(WRITES_IN_PLACE)


@pytest.mark.parametrize(
    ("line", "is_refused"),
    [
        ('path.write_text("x")', True),
        ('path.open("w", newline="")', True),
        ('open(path, mode="xb")', True),
        ('path.open("a")', False),
        ("path.open()", False),
        ('write_file(path, "w")', False),
    ],
)
def test_what_writes_in_place(tmp_path: Path, line: str, is_refused: bool) -> None:
    (tmp_path / "a.py").write_text(line)
    assert bool(list(measures.bare_writes(tmp_path / "a.py"))) == is_refused


def test_signals_are_handled_in_one_module() -> None:
    handler = re.compile(r"signal\.signal\(|add_signal_handler\(|signal\.sigaction")
    assert [named(path) for path in OWN if handler.search(path.read_text())] == [
        "include/process.py"
    ]


def test_a_dag_file_is_sixty_lines_or_fewer() -> None:
    for path in (ROOT / "dags").glob("*.py"):
        assert path.read_text().count("\n") <= 60, path.name


def test_nothing_unfinished_is_left() -> None:
    words = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|not imple" + r"mented)\b", re.IGNORECASE)
    assert [named(path) for path in OWN if words.search(path.read_text())] == []


def test_no_workplace_path_is_in_the_repository() -> None:
    said = subprocess.run(
        ["git", "grep", "-nE", "/(work|root|home)/[a-z]", "--", ":!uv.lock", ":!tests/house"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    assert said == ""


def test_no_test_module_imports_another() -> None:
    importing = re.compile(r"^\s*(?:from|import) tests\.(?:\w+\.)*test_", re.MULTILINE)
    assert [named(path) for path in SOURCES if importing.search(path.read_text())] == []


# Moves of what others wrote, each synced by its caller or without need: everything else that gets
# its final name by a rename is written by include/atomic_files.py.
MOVES = {
    "include/atomic_files.py": "the one writer",
    "include/lake/delta_log.py": "a damaged table, or its log's end, goes to the damaged folder",
    "include/local/kafka_folders.py": "folders of the broker's, which does not run; parents synced",
}


def test_only_the_one_writer_renames() -> None:
    moves = re.compile(
        r"\bos\.(rename|replace|link)\(|\bshutil\.move\(|\w\.rename\((?!columns|index)"
    )
    moving = {
        str(path.relative_to(ROOT)) for path in measures.sources() if moves.search(path.read_text())
    }
    assert moving == set(MOVES)


def test_every_rounding_of_a_decimal_is_named() -> None:
    """A library may change the thread's decimal context: ccxt does, and amounts moved by a cent."""
    calls = (
        (path, node)
        for path in OWN
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "quantize"
    )
    unnamed = [f"{named(path)}:{node.lineno}" for path, node in calls if len(node.args) < 2]
    assert unnamed == []
