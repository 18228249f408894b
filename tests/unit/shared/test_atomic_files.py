"""Files that are there whole or not at all."""

import stat
from pathlib import Path

import pytest

from include import atomic_files
from include.atomic_files import publish, remove_folder, write_file, write_folder


def test_a_write_that_fails_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "page.md"
    write_file(target, "old")

    def full_disk(path: Path, content: bytes, **_: object) -> None:
        path.write_bytes(content[:1])
        raise OSError("no space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(atomic_files, "_write", full_disk)
        with pytest.raises(OSError, match="no space"):
            write_file(target, "new")
    assert target.read_text() == "old"
    write_file(target, "newer")
    assert [path.name for path in tmp_path.iterdir()] == ["page.md"]
    assert target.read_text() == "newer"


def test_a_private_file_is_private_whatever_was_left_beside_it(tmp_path: Path) -> None:
    (tmp_path / "secrets.env.partial").write_text("left over, for all to read")
    write_file(tmp_path / "secrets.env", "A=1\n", mode=0o600)
    assert stat.S_IMODE((tmp_path / "secrets.env").stat().st_mode) == 0o600


def test_folders_come_and_go_whole(tmp_path: Path) -> None:
    write_folder(tmp_path / "model", {"a": b"1", "b": b"2"})
    assert {path.name: path.read_bytes() for path in (tmp_path / "model").iterdir()} == {
        "a": b"1",
        "b": b"2",
    }
    with pytest.raises(OSError, match="not empty"):
        write_folder(tmp_path / "model", {"a": b"3"})
    assert (tmp_path / "model" / "a").read_bytes() == b"1"
    remove_folder(tmp_path / "model")
    assert [path.name for path in tmp_path.iterdir()] == [".partial-model"]


def test_what_another_program_wrote_is_published_under_its_name(tmp_path: Path) -> None:
    (tmp_path / "jars.partial" / "spark").mkdir(parents=True)
    (tmp_path / "jars.partial" / "spark" / "one.jar").write_bytes(b"jar")
    publish(tmp_path / "jars.partial", tmp_path / "jars")
    assert (tmp_path / "jars" / "spark" / "one.jar").read_bytes() == b"jar"
    (tmp_path / "archive.7").write_bytes(b"classes")
    publish(tmp_path / "archive.7", tmp_path / "archive.jsa")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["archive.jsa", "jars"]
