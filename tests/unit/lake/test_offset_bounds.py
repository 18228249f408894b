"""Where offsets begin and end, which files can hold them, how restarts shift them: at the edge."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from include.lake.audit.bounds import Bounds, check_beginnings, check_ends
from include.lake.file_selection import (
    files_from_offsets,
    files_in_spans,
    files_not_in,
    files_with_text,
    list_uris,
)
from include.lake.topic_restarts import RECREATED, REMOVED, SHORTER, TopicRestart, TopicRestarts
from include.market.wire import TopicPartition

BOOK = TopicPartition("market.book", 3)
AT = datetime(2026, 4, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("first", "bounds", "is_ok"),
    [
        (5, Bounds({}, {}, {}, sealed={BOOK: (5, 9)}), True),
        (6, Bounds({}, {}, {}, sealed={BOOK: (5, 9)}), False),
        (4, Bounds({}, {}, {}, sealed={BOOK: (5, 9)}), False),
        (0, Bounds({BOOK: (50, 100)}, {}, {}), True),
        (1, Bounds({BOOK: (50, 100)}, {}, {}), False),
        (1, Bounds({}, {}, {}), False),
        (10, Bounds({BOOK: (10, 100)}, {}, {}, begun={BOOK: 10}), True),
        (10, Bounds({BOOK: (9, 100)}, {}, {}, begun={BOOK: 10}), False),
        (11, Bounds({BOOK: (50, 100)}, {}, {}, begun={BOOK: 10}), False),
        (9, Bounds({BOOK: (10, 100)}, {}, {}, begun={BOOK: 10}), False),
        (0, Bounds({BOOK: (10, 100)}, {}, {}, begun={BOOK: 10}), True),
    ],
)
def test_rows_begin_where_the_seal_or_the_epoch_remembers(
    first: int, bounds: Bounds, is_ok: bool
) -> None:
    check = check_beginnings({BOOK: (first, 60)}, bounds)
    assert check.ok is is_ok
    assert is_ok or (check.detail.startswith("market.book/3 ") and str(first) in check.detail)


CLEAN = Bounds({BOOK: (0, 120)}, {BOOK: 100}, {BOOK: 100})


@pytest.mark.parametrize(
    ("bounds", "last", "fault"),
    [
        (CLEAN, 99, ""),
        (CLEAN, 98, "rows up to 98 of the 100 offsets"),
        (CLEAN, 100, "rows up to 100 of the 100 offsets"),
        (replace(CLEAN, empty={BOOK: [(99, 100)]}), 98, ""),
        (replace(CLEAN, empty={BOOK: [(95, 97), (97, 100)]}), 94, ""),
        (replace(CLEAN, empty={BOOK: [(95, 99)]}), 94, "rows up to 94 of the 100 offsets"),
        (replace(CLEAN, empty={BOOK: [(96, 100)]}), 94, "rows up to 94 of the 100 offsets"),
        (replace(CLEAN, committed={BOOK: 101}), 99, "the checkpoint is at 101, the table at 100"),
        (replace(CLEAN, sealed={BOOK: (0, 100)}), 99, ""),
        (replace(CLEAN, sealed={BOOK: (0, 101)}), 99, "sealed up to 101, the table is at 100"),
        (replace(CLEAN, kafka={BOOK: (100, 120)}), 99, ""),
        (replace(CLEAN, kafka={BOOK: (103, 120)}), 99, "offsets 100 to 102 left Kafka"),
        (replace(CLEAN, kafka={BOOK: (0, 99)}), 99, "landed up to 100, Kafka ends at 99"),
        (replace(CLEAN, kafka={BOOK: (0, 100)}), 99, ""),
        (replace(CLEAN, committed={}), 99, "20 messages have not landed and no checkpoint"),
        (replace(CLEAN, committed={}, kafka={BOOK: (0, 100)}), 99, ""),
        (replace(CLEAN, watermarks={}), 99, "rows up to 99 without a watermark"),
    ],
)
def test_rows_end_right_below_the_watermark_and_nothing_was_passed_over(
    bounds: Bounds, last: int, fault: str
) -> None:
    check = check_ends({BOOK: (0, last)}, bounds)
    assert check.ok is not bool(fault)
    assert fault in check.detail


def test_what_waits_in_kafka_is_counted_over_all_partitions() -> None:
    other = TopicPartition("market.book", 4)
    bounds = Bounds({BOOK: (0, 120), other: (0, 7)}, {BOOK: 100, other: 7}, {BOOK: 100, other: 7})
    check = check_ends({BOOK: (0, 99), other: (0, 6)}, bounds)
    assert (check.ok, check.detail) == (True, "20 offsets not landed yet")


def restart(cause: str, *, offset: int = 500, kafka: int = 0, lost: int = 500) -> TopicRestart:
    return TopicRestart(BOOK, "id-2", offset, kafka, lost, cause, AT)


def test_offsets_are_shifted_by_the_newest_restart() -> None:
    other = TopicPartition("market.book", 4)
    restarts = TopicRestarts(
        {BOOK: (restart(REMOVED, offset=90, kafka=90), restart(RECREATED, offset=500, kafka=2))}
    )
    assert restarts.shifts == {BOOK: 498}
    assert (restarts.in_lake(BOOK, 2), restarts.in_lake(BOOK, 9)) == (500, 507)
    assert (restarts.in_lake(other, 9), restarts.in_kafka(other, 9)) == (9, 9)
    assert [restarts.in_kafka(BOOK, at) for at in (507, 500, 499, 0)] == [9, 2, 2, 2]
    assert restarts.ids_of("market.book") == {"id-2"} and restarts.ids_of("market.trades") == set()
    assert [one.offset for one in restarts] == [90, 500]


@pytest.mark.parametrize(
    ("one", "sentence"),
    [
        (
            restart(RECREATED),
            "market.book/3 was recreated (id id-2): its offset 0 is 500 of the lake",
        ),
        (
            restart(SHORTER, kafka=70),
            "market.book/3 has lost its end: its offset 70 is 500 of the lake",
        ),
        (
            restart(REMOVED, kafka=500, lost=480),
            "market.book/3 goes on at 500; 480 to 499 are lost",
        ),
        (
            restart(REMOVED, kafka=500, lost=499),
            "market.book/3 goes on at 500; 499 to 499 are lost",
        ),
    ],
)
def test_a_restart_is_one_sentence_with_what_is_lost(one: TopicRestart, sentence: str) -> None:
    assert one.sentence() == sentence


def files(*bounds_us: tuple[int, int] | None) -> pa.Table:
    """Files `0`, `1` … with times from the one to the other (µs after AT), or without."""
    kind = pa.timestamp("us", "UTC")
    sides = [
        [None if one is None else AT + timedelta(microseconds=one[side]) for one in bounds_us]
        for side in (0, 1)
    ]
    return pa.table(
        {
            "uri": [str(number) for number in range(len(bounds_us))],
            "min.traded_at": pa.array(sides[0], kind),
            "max.traded_at": pa.array(sides[1], kind),
        }
    )


def test_a_file_may_hold_a_span_that_its_statistics_touch() -> None:
    """Spans go from their first to before their second; maxima were cut to milliseconds."""
    spans = [
        (AT + timedelta(microseconds=begin), AT + timedelta(microseconds=end))
        for begin, end in [(10_000, 20_000), (50_000, 60_000)]
    ]
    table = files(
        (0, 8_999),  # the true maximum may be 9,998
        (0, 9_000),
        (20_000, 40_000),
        (19_999, 40_000),
        (30_000, 49_000),
        (59_999, 99_000),
        (60_000, 99_000),
        None,
    )
    assert list_uris(files_in_spans(table, "traded_at", spans)) == ["1", "3", "4", "5", "7"]
    assert list_uris(files_in_spans(table, "traded_at", [])) == []
    assert len(list_uris(files_in_spans(table, "received_time", spans))) == 8


def test_a_file_is_new_to_a_reader_whose_offset_it_reaches() -> None:
    table = pa.table(
        {
            "uri": ["0", "1", "2", "3", "4"],
            "min.partition": [0, 0, 0, 1, 2],
            "max.partition": [0, 0, 1, 1, 2],
            "min.offset": [0, 0, 0, 0, 0],
            "max.offset": [9, 10, 9, 49, 0],
        }
    )
    # partition 1 is read up to 50, and of the third file either partition may be new
    assert list_uris(files_from_offsets(table, {0: 10, 1: 50})) == ["1", "4"]
    assert list_uris(files_from_offsets(table, {0: 10, 1: 9})) == ["1", "2", "3", "4"]
    assert list_uris(files_from_offsets(table, {0: 10})) == ["1", "2", "3", "4"]
    assert len(list_uris(files_from_offsets(table, {}))) == 5


def test_a_text_may_be_in_a_file_between_whose_bounds_it_lies() -> None:
    table = pa.table(
        {
            "uri": ["0", "1", "2", "3"],
            "min.symbol": ["BTC-USD", "BTC-USD", "ETH-USD", None],
            "max.symbol": ["BTC-USD", "ETH-USD", "LTC-USD", None],
        }
    )
    assert list_uris(files_with_text(table, "symbol", "BTC-USD")) == ["0", "1", "3"]
    assert list_uris(files_with_text(table, "symbol", "ETH-USD")) == ["1", "2", "3"]
    assert list_uris(files_with_text(table, "symbol", "A")) == ["3"]
    assert len(list_uris(files_with_text(table, "venue", "A"))) == 4
    assert list_uris(files_not_in(table, ["1", "9"])) == ["0", "2", "3"]
