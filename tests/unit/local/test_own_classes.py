"""The classes that have to be Java are compiled where the jars are, or the reason is reported."""

import zipfile
from pathlib import Path

import pytest

from include.errors import PlatformError
from include.local import jars


def folder_with_delta(tmp_path: Path) -> Path:
    """A folder of jars with what our classes are compiled against."""
    folder = tmp_path / "partial" / "spark"
    folder.mkdir(parents=True)
    for jar in jars.ensure_jars().spark.glob("delta-storage-*.jar"):
        (folder / jar.name).symlink_to(jar)
    return folder


def test_every_source_becomes_a_class_of_the_jar(tmp_path: Path) -> None:
    folder = folder_with_delta(tmp_path)
    jars._compile(folder)
    with zipfile.ZipFile(folder / "tickhouse.jar") as jar:
        classes = set(jar.namelist())
    sources = {file.stem for file in jars.JAVA_SOURCES.glob("*.java")}
    assert sources and {f"tickhouse/{name}.class" for name in sources} <= classes
    assert not (tmp_path / "partial" / "classes").exists()


def test_a_class_that_does_not_compile_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = tmp_path / "java"
    sources.mkdir()
    (sources / "Wrong.java").write_text("class Wrong extends Nothing {}")
    folder = folder_with_delta(tmp_path)
    monkeypatch.setattr(jars, "JAVA_SOURCES", sources)
    with pytest.raises(
        PlatformError, match=r"(?s)java/ could not be compiled: .*Wrong\.java.*Nothing"
    ):
        jars._compile(folder)


def test_other_classes_are_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = jars._locate_jars()
    sources = tmp_path / "java"
    sources.mkdir()
    (sources / "More.java").write_text("class More {}")
    monkeypatch.setattr(jars, "JAVA_SOURCES", sources)
    assert jars._locate_jars() != now
