"""Every room is in the code map and in CONTRIBUTING; the map says what must stay true in it."""

import re

import pytest

from include.settings import ROOT
from tests.support.documents import TEXTS

TOPS = ("bench", "cli", "dags", "include", "plugins", "spark_jobs", "streaming")
ROOMS = sorted(
    {
        str(path.parent.relative_to(ROOT))
        for top in TOPS
        for pattern in ("*.py", "*/*.py")
        for path in (ROOT / top).glob(pattern)
    }
)
TESTS = sorted(str(path.parent.relative_to(ROOT)) for path in ROOT.glob("tests/*/__init__.py"))
MAP = TEXTS["ARCHITECTURE.md"].partition("## Code map")[2].partition("\n## ")[0]
ENTRIES = re.findall(r"^- .*(?:\n  .*)*", MAP, re.MULTILINE)
LINES_OF_A_ROOM = 3


@pytest.mark.parametrize("room", [*ROOMS, *TESTS])
def test_a_room_has_a_row_in_contributing(room: str) -> None:
    rows = re.findall(r"^\|.*\|$", TEXTS["CONTRIBUTING.md"], re.MULTILINE)
    assert any(f"`{room}`" in row or f"`{room}/" in row for row in rows)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_is_in_the_code_map(room: str) -> None:
    assert any(f"`{room}`" in entry or f"`{room}/" in entry for entry in ENTRIES)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.split("`")[1])
def test_an_entry_of_the_code_map_is_short_and_has_entry_point_and_invariant(entry: str) -> None:
    assert entry.count("\n") < LINES_OF_A_ROOM
    assert "Invariant: " in entry
    assert "Entry: " in entry
