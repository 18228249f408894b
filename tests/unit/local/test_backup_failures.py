"""A backup or a restore that fails leaves everything as it was."""

import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from include.errors import PlatformError, Unreachable
from include.lake.reading import count_rows
from include.local import restoring
from include.local.backup import DESCRIPTION
from include.local.restoring import restore_files
from include.settings import Settings, override
from tests.support.backed_up_world import make, make_world, settings_of


@pytest.fixture
def world(tmp_path: Path) -> Settings:
    return make_world(tmp_path)


def fill_disk(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """No file of this name can be written any more."""
    opened = os.open

    def fail(path: Any, *arguments: Any, **options: Any) -> int:
        if Path(path).name == f"{name}.partial":
            raise OSError(28, "No space left on device")
        return opened(path, *arguments, **options)

    monkeypatch.setattr(os, "open", fail)


@pytest.mark.parametrize("is_new", [True, False])
@pytest.mark.parametrize("name", ["gemini.json", "CURRENT", DESCRIPTION])
def test_a_disk_that_fills_leaves_no_part_of_a_backup(
    world: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, is_new: bool
) -> None:
    """So that the next try may have the same folder."""
    folder = tmp_path / "b"
    if not is_new:
        folder.mkdir()
    fill_disk(monkeypatch, name)
    lines: list[str] = []
    with pytest.raises(PlatformError, match=r"backup in .*b could not be written: .*No space left"):
        make(world, folder, print_line=lines.append)
    assert lines == []  # the error is the one sentence
    monkeypatch.undo()
    assert (list(folder.iterdir()) == []) if folder.exists() else is_new
    make(world, folder, print_line=lines.append)
    assert lines[0].startswith("without the dashboard's notes")


def test_a_place_where_nothing_can_be_written_is_a_sentence(
    world: Settings, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PlatformError, match=r"could not be written: .*Not a directory"):
        make(world, tmp_path / "file" / "b")


def test_a_disk_without_room_and_one_that_fills_change_nothing(
    world: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(world, tmp_path / "b")
    new = settings_of(tmp_path / "new")
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=10))
    with pytest.raises(PlatformError, match="needs 0 MB, and 0 MB are free"):
        restore_files(new, tmp_path / "b")
    monkeypatch.undo()
    fill_disk(monkeypatch, "CURRENT")
    with pytest.raises(PlatformError, match=r"nothing was changed: .*No space left"):
        restore_files(new, tmp_path / "b")
    assert not new.home.exists() and not list(tmp_path.glob("new/.restoring-*"))


def test_a_store_elsewhere_is_as_before_too(
    world: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its disk needs the room of its files, and keeps none of them if one cannot be written."""
    make(world, tmp_path / "b")
    store = tmp_path / "store"
    store.mkdir()
    new = override(settings_of(tmp_path / "new"), {"TICKHOUSE_STORE": str(store)})
    usage, asked = shutil.disk_usage(tmp_path), list[Path]()

    def disk_usage(path: Path) -> Any:
        asked.append(path)
        return usage._replace(free=10 if path == store else usage.free)

    monkeypatch.setattr(shutil, "disk_usage", disk_usage)
    device = Path.stat
    monkeypatch.setattr(Path, "stat", lambda path, **options: on_disk(device, path, **options))
    with pytest.raises(PlatformError, match=r"MB are free at .*store"):
        restore_files(new, tmp_path / "b")
    monkeypatch.undo()
    fill_disk(monkeypatch, "epoch.json")
    with pytest.raises(PlatformError, match=r"nothing was changed: .*No space left"):
        restore_files(new, tmp_path / "b")
    monkeypatch.undo()
    assert list(store.iterdir()) == [] and not new.home.exists()
    restore_files(new, tmp_path / "b")
    with pytest.raises(PlatformError, match="exists: a backup is restored into a new world"):
        restore_files(override(new, {"TICKHOUSE_VAR": str(tmp_path / "other")}), tmp_path / "b")


def on_disk(stat: Any, path: Path, **options: Any) -> Any:
    """A path's status; below `store` there is another disk."""
    status = stat(path, **options)
    if path.name != "store":
        return status
    return SimpleNamespace(st_dev=-1, st_mode=status.st_mode)


def test_what_fails_behind_the_files_removes_them(world: Settings, tmp_path: Path) -> None:
    make(world, tmp_path / "b")
    new = settings_of(tmp_path / "new")

    def finish() -> None:
        assert count_rows(new.lake)["trades"] == 3
        raise Unreachable("Kafka does not answer")

    with pytest.raises(PlatformError, match="nothing was changed: Kafka does not answer"):
        restore_files(new, tmp_path / "b", finish=finish)
    assert not new.home.exists()
    restore_files(new, tmp_path / "b")


def test_a_world_that_another_restore_made_meanwhile_stays(
    world: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(world, tmp_path / "b")
    new = settings_of(tmp_path / "new")

    def restore_another(_: object) -> None:
        monkeypatch.undo()
        restore_files(new, tmp_path / "b")

    monkeypatch.setattr(restoring, "_require_space", restore_another)
    with pytest.raises(PlatformError, match="sim exists"):
        restore_files(new, tmp_path / "b")
    assert count_rows(new.lake)["trades"] == 3
