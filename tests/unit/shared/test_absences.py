"""The last lines of a test run say what was skipped, why, and which command brings it."""

import shutil

import pytest

from tests.support.absences import absent_programs, skipped_lines


def test_each_reason_is_one_line_with_its_count_and_its_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "chromedriver" else name)
    reason = absent_programs("chromium", "chromedriver", package="chromium-driver")
    skips = [
        ("/w/tests/browser/test_a.py", 3, f"Skipped: {reason}"),
        ("/w/tests/browser/test_b.py", 9, f"Skipped: {reason}"),
        ("/w/tests/spark/test_c.py", 1, "Skipped: another reason"),
    ]
    assert list(skipped_lines(skips)) == [
        "3 tests were skipped:",
        "  2 of browser/test_a.py, browser/test_b.py: no chromedriver here; brought by: "
        "apt-get install chromium-driver",
        "  1 of spark/test_c.py: another reason",
    ]
    assert list(skipped_lines([])) == []


def test_nothing_is_absent_where_all_programs_are() -> None:
    assert absent_programs("sh", package="dash") == ""
