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


@pytest.mark.parametrize(
    "entries", [("bars.csv", "__MACOSX/._bars.csv"), ("BARS.CSV",), ("a/bars.csv", "._b.csv")]
)
def test_the_one_file_is_recognised_beside_those_of_macos(
    tmp_path: Path, entries: tuple[str, ...]
) -> None:
    with zipfile.ZipFile(tmp_path / "bars.zip", "w") as archive:
        for name in entries:
            archive.writestr(name, BARS if "._" not in name else "\0")
    assert unzip(tmp_path / "bars.zip", tmp_path / "out").read_text() == BARS


def test_an_encrypted_one_or_of_an_unknown_method_is_refused_by_its_reason(tmp_path: Path) -> None:
    path = tmp_path / "bars.zip"
    for at, flags, reason in ((8, 0x1, "is encrypted"), (10, 9, "cannot be unzipped here")):
        pack(path)
        content = bytearray(path.read_bytes())
        content[content.find(b"PK\1\2") + at] |= flags
        content[content.find(b"PK\3\4") + at - 2] |= flags
        path.write_bytes(bytes(content))
        with pytest.raises(HistoryError, match=rf"bars\.zip {reason}"):
            unzip(path, tmp_path / "out")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_damage_is_named_whatever_the_method(tmp_path: Path, method: int) -> None:
    path = tmp_path / "bars.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("bars.csv", BARS)
    content = bytearray(path.read_bytes())
    content[50:60] = bytes(byte ^ 0xFF for byte in content[50:60])
    path.write_bytes(bytes(content))
    with pytest.raises(HistoryError, match=r"bars\.zip is a broken zip file"):
        unzip(path, tmp_path / "out")
