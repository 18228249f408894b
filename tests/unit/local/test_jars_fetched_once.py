"""Several commands at once on a fresh installation fetch the jars once."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from include.local import jars


def test_commands_at_once_fetch_them_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched = list[Path]()

    def retrieve(folder: Path, configurations: Sequence[str], unpack: object) -> None:
        fetched.append(folder)
        time.sleep(0.05)
        folder.mkdir()

    monkeypatch.setattr(jars, "_locate_jars", lambda: tmp_path / "jars" / "0123")
    monkeypatch.setattr(jars, "_retrieve", retrieve)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: jars.ensure_jars(uses_s3=True), range(4)))
    assert fetched == [tmp_path / "jars" / "0123", tmp_path / "jars" / "0123" / "s3"]
    assert len(set(found)) == 1
