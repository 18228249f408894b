"""A moment or version is read from text, or named where it is none; a table is given as it was."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from include.errors import QueryError
from include.lake.as_of import AsOf, load_as_of, parse_as_of, parse_time
from include.lake.reading import count_rows, open_table, read_row_counts
from include.market.time import parse_iso_time
from tests.support.lake_of_rows import put

EIGHT = datetime(2026, 11, 21, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "as_of"),
    [
        ("", None),
        ("0", 0),
        ("17", 17),
        ("2026-11-21T08:00", EIGHT),
        ("2026-11-21T08:00:00Z", EIGHT),
        ("2026-11-21T10:00+02:00", EIGHT),
        ("2026-11-21", EIGHT - timedelta(hours=8)),
    ],
)
def test_digits_are_a_version_and_all_else_a_time_in_utc(text: str, as_of: AsOf) -> None:
    assert parse_as_of(text) == as_of


@pytest.mark.parametrize("text", ["-1", "1.5", "²", "v3", "yesterday"])
def test_what_is_neither_is_named(text: str) -> None:
    for parse in (parse_as_of, parse_time):
        with pytest.raises(QueryError) as refused:
            parse(text)
        assert str(refused.value) == f"{text!r} is not an ISO time such as 2026-11-21T08:00:00Z"
    with pytest.raises(ValueError):
        parse_iso_time(text)


@pytest.mark.parametrize(
    "text",
    ["0001-01-01T00:00+14:00", "9999-12-31T23:59-14:00", "9999-12-31T23:59:59", "1969-12-31"],
)
def test_a_time_of_which_no_span_can_be_taken_is_named_with_the_bounds(text: str) -> None:
    with pytest.raises(QueryError) as refused:
        parse_time(text)
    assert str(refused.value) == f"{text!r} is not a time from 1970-01-01 to 2200-01-01 (UTC)"


@pytest.mark.parametrize("version", [2, 2**63, 2**64, 10**30])
def test_a_version_that_is_not_there_is_named_however_great(tmp_path: Path, version: int) -> None:
    for _ in range(2):
        put(tmp_path, "quotes", [{}])
    table = open_table(str(tmp_path), "quotes")
    assert table is not None
    with pytest.raises(QueryError, match=f"table quotes cannot be read as of {version}: "):
        load_as_of(table, version)
    earlier = load_as_of(table, 0)
    assert earlier is not None and earlier.version() == 0


def test_the_rows_of_each_table_are_counted_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    assert read_row_counts(str(tmp_path)) == ({}, [])
    for rows in (2, 3):
        put(tmp_path, "quotes", [{}] * rows)
    put(tmp_path, "trades", [])
    put(tmp_path, "tickers", [{}])
    (tmp_path / "tickers" / "_delta_log" / f"{0:020}.json").write_text("")
    counts, (sentence,) = read_row_counts(str(tmp_path))
    assert counts == count_rows(str(tmp_path)) == {"quotes": 5, "trades": 0}
    assert "tickers cannot be read: commit 0 is empty" in sentence
