"""The server's name of a version whose download was interrupted: used whole, or not at all."""

from pathlib import Path

import pytest

from include.lake.download import _read_tag


def test_a_tag_is_sent_back_as_it_was(tmp_path: Path) -> None:
    tag = tmp_path / "tag"
    tag.write_text('"5f-61"')
    assert _read_tag(tag) == '"5f-61"'


@pytest.mark.parametrize("content", [b"", bytes(12), b'"5f\r\nHost: x"', b"\xff\xfe", None])
def test_a_damaged_tag_is_none(tmp_path: Path, content: bytes | None) -> None:
    """A header could not carry it: the download begins anew."""
    tag = tmp_path / "tag"
    if content is None:
        tag.mkdir()
    else:
        tag.write_bytes(content)
    assert _read_tag(tag) == ""
