"""The files of a version are agreed only where Delta's checksum says what delta-rs replays."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from include.lake.audit.listing import list_agreed_files

ROWS = pa.table({"offset": [1, 2, 3]})


def table_with_checksum(folder: Path, **changed: Any) -> DeltaTable:
    """Two commits of a file each, and a checksum of the second as Delta on Spark writes it."""
    for _ in range(2):
        write_deltalake(folder, ROWS, mode="append")
    sizes = [file.stat().st_size for file in folder.glob("*.parquet")]
    checksum = {
        "numFiles": len(sizes),
        "tableSizeBytes": sum(sizes),
        "protocol": {"minReaderVersion": 1, "minWriterVersion": 2},
    } | changed
    (folder / "_delta_log" / f"{1:020}.crc").write_text(json.dumps(checksum))
    return DeltaTable(folder)


def test_files_that_the_checksum_confirms(tmp_path: Path) -> None:
    files = list_agreed_files(table_with_checksum(tmp_path / "a b"))
    assert files is not None
    assert {tmp_path / "a b" / file for file in files} == set((tmp_path / "a b").glob("*.parquet"))


@pytest.mark.parametrize(
    "changed",
    [
        {"numFiles": 1},
        {"numFiles": 3},
        {"tableSizeBytes": 7},
        {"numFiles": None},
        {"protocol": {"minReaderVersion": 3, "readerFeatures": ["deletionVectors"]}},
        {"protocol": None},
    ],
)
def test_another_checksum_is_no_agreement(tmp_path: Path, changed: dict[str, Any]) -> None:
    assert list_agreed_files(table_with_checksum(tmp_path, **changed)) is None


def test_no_checksum_or_half_of_one_is_no_agreement(tmp_path: Path) -> None:
    table = table_with_checksum(tmp_path)
    checksum = tmp_path / "_delta_log" / f"{1:020}.crc"
    checksum.write_text(checksum.read_text()[:20])
    assert list_agreed_files(table) is None
    checksum.unlink()
    assert list_agreed_files(table) is None


def test_the_version_is_the_tables_own(tmp_path: Path) -> None:
    table_with_checksum(tmp_path)
    assert list_agreed_files(DeltaTable(tmp_path, version=0)) is None
