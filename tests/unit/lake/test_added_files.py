"""Which files of a table hold what its newer versions added."""

from pathlib import Path

import pytest

from include.lake.reading import open_table
from include.serving.added_files import find_added_files
from tests.support.lake_of_rows import put


@pytest.fixture
def commits(tmp_path: Path) -> list[Path]:
    """Three commits, the log checkpoint behind the second: that needs none before it."""
    for number in range(3):
        put(tmp_path, "signals", [{"value": number}])
        table = open_table(str(tmp_path), "signals")
        assert table is not None
        if number == 1:
            table.create_checkpoint()
    return sorted(tmp_path.glob("signals/_delta_log/*.json"))


def added_since(lake: Path, version: int) -> int:
    table = open_table(str(lake), "signals")
    assert table is not None
    return len(find_added_files(table, version))


def test_only_files_of_versions_not_served_are_read(tmp_path: Path, commits: list[Path]) -> None:
    assert [added_since(tmp_path, served) for served in (0, 1, 2, 3)] == [3, 2, 1, 3]
    assert len(commits) == 3


@pytest.mark.parametrize("damage", ["gone", "empty", "NUL", "cut", "no action"])
def test_all_is_read_where_a_commit_below_a_checkpoint_is_damaged(
    tmp_path: Path, commits: list[Path], damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    commit, content = commits[1], commits[1].read_bytes()
    parts = {"empty": b"", "NUL": bytes(99), "cut": content[:-9], "no action": b"7\n"}
    if damage == "gone":
        commit.unlink()
    else:
        commit.write_bytes(parts[damage])
    assert added_since(tmp_path, 1) == 3
    assert ("commit damaged" in caplog.text and str(commit) in caplog.text) == (damage != "gone")
