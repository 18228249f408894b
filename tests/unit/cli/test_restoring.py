"""The verb restore chooses the restored world only once it is whole."""

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli import backing_up
from include.errors import PlatformError, Unreachable
from include.local.worlds import CURRENT, enter_world
from include.settings import Settings
from tests.support.worlds import WORLDS


@pytest.fixture
def var(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine on which another world was the last one."""
    monkeypatch.setenv("TICKHOUSE_VAR", str(tmp_path / "var"))
    enter_world({"TICKHOUSE_WORLD": "live"})
    return tmp_path / "var"


def list_files(var: Path) -> dict[str, bytes]:
    return {
        str(path): path.read_bytes()
        for path in var.rglob("*")
        if path.is_file() and path.name not in ("restore.lock", "secrets.env")
    }


def restore(folder: Path) -> None:
    CliRunner().invoke(backing_up.restore, [str(folder)], catch_exceptions=False)


def test_a_backup_that_is_refused_chooses_no_world(var: Path, tmp_path: Path) -> None:
    before = list_files(var)
    shutil.copytree(WORLDS / "schema_1", tmp_path / "newer")
    file = tmp_path / "newer" / "backup.json"
    file.write_text(file.read_text().replace('"schema": 1', '"schema": 9'))
    with pytest.raises(PlatformError, match="of a world with the schema 9"):
        restore(tmp_path / "newer")
    assert list_files(var) == before


@pytest.mark.parametrize("has_current", [True, False])
def test_a_server_that_does_not_start_leaves_the_machine_as_it_was(
    var: Path, monkeypatch: pytest.MonkeyPatch, has_current: bool
) -> None:
    if not has_current:
        (var / CURRENT).unlink()
    before, entered = list_files(var), list[str]()

    def fail(settings: Settings) -> None:
        entered.append(settings.world)
        assert "TICKHOUSE_WORLD=sim" in (var / CURRENT).read_text()
        raise Unreachable("Kafka does not answer")

    monkeypatch.setattr(backing_up, "_accept_new_topics", fail)
    with pytest.raises(PlatformError, match="nothing was changed: Kafka does not answer"):
        restore(WORLDS / "schema_1")
    assert entered == ["sim"]
    assert list_files(var) == before
