"""A zipped archive is unpacked whole or not at all."""

import zipfile
from pathlib import Path

import pytest

from include.errors import HistoryError
from include.lake.archive import unzip

BARS = "".join(f"{minute * 60},1,1,1,1,1\n" for minute in range(20_000))


def pack(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bars.csv", BARS)


def test_its_one_file_is_unpacked(tmp_path: Path) -> None:
    pack(tmp_path / "bars.zip")
    assert unzip(tmp_path / "bars.zip", tmp_path / "out").read_text() == BARS
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["bars.csv"]


def test_of_a_damaged_one_no_half_file_is_left(tmp_path: Path) -> None:
    pack(tmp_path / "bars.zip")
    content = bytearray((tmp_path / "bars.zip").read_bytes())
    middle = len(content) // 2
    content[middle : middle + 8] = bytes(8)
    (tmp_path / "bars.zip").write_bytes(bytes(content))
    with pytest.raises(HistoryError, match=r"bars\.zip is a broken zip file"):
        unzip(tmp_path / "bars.zip", tmp_path / "out")
    assert not (tmp_path / "out" / "bars.csv").exists()
