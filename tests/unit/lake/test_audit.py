"""The audit finds what is missing, doubled, in both tables, or counted otherwise by one reader."""

from typing import Any

import pytest

from include.lake.audit.bounds import Bounds
from include.lake.audit.conservation import OffsetCounts, make_report

BOOK = ("market.book", 0)
CLEAN = OffsetCounts(first=0, last=99, landed=98, quarantined=2, in_both=0, doubled=0)


def report(
    count: OffsetCounts = CLEAN, *, second_counts: OffsetCounts | None = None, **changes: Any
) -> Any:
    known = {
        "kafka": {BOOK: (0, 120)},
        "committed": {BOOK: 100},
        "watermarks": {BOOK: 100},
        **changes,
    }
    return make_report({BOOK: count}, Bounds(**known), second_counts={BOOK: second_counts or count})


def report_of(
    landed: dict[Any, OffsetCounts],
    kafka: dict[Any, tuple[int, int]],
    committed: dict[Any, int],
    **known: Any,
) -> Any:
    bounds = Bounds(kafka, committed, known.pop("watermarks", committed), **known)
    return make_report(landed, bounds, second_counts=landed)


def failed(audit: Any) -> list[str]:
    return [check.name for check in audit.checks if not check.ok]


def test_every_offset_once_is_clean_and_tells_what_waits() -> None:
    audit = report()
    assert audit.ok
    assert failed(audit) == []
    assert "20 offsets not landed yet" in str(audit.checks)
    assert audit.as_dict()["partitions"] == [
        {
            "topic": "market.book",
            "partition": 0,
            "first": 0,
            "last": 99,
            "landed": 98,
            "quarantined": 2,
            "missing": 0,
            "doubled": 0,
        }
    ]


@pytest.mark.parametrize(
    ("count", "missing", "doubled"),
    [
        (OffsetCounts(first=0, last=99, landed=97, quarantined=2, in_both=0, doubled=0), 1, 0),
        (OffsetCounts(first=0, last=99, landed=98, quarantined=2, in_both=0, doubled=3), 0, 3),
        (OffsetCounts(first=0, last=99, landed=98, quarantined=3, in_both=1, doubled=0), 0, 1),
    ],
)
def test_a_hole_a_double_and_a_row_in_both_tables_are_found(
    count: OffsetCounts, missing: int, doubled: int
) -> None:
    audit = report(count)
    (line,) = audit.partitions
    assert (line.missing, line.doubled) == (missing, doubled)
    assert failed(audit) == ["I1 conservation"]


def test_what_lies_before_the_first_landed_offset_is_a_loss() -> None:
    late = OffsetCounts(first=5, last=99, landed=95, quarantined=0, in_both=0, doubled=0)
    assert failed(report(late)) == ["I1 beginning"]
    assert failed(report(late, kafka={BOOK: (5, 120)})) == ["I1 beginning"]
    assert failed(report(late, kafka={BOOK: (5, 120)}, begun={BOOK: 5})) == []
    assert failed(report(late, kafka={BOOK: (5, 120)}, begun={BOOK: 100})) == ["I1 beginning"]
    assert failed(report(late, sealed={BOOK: (5, 90)})) == []
    assert failed(report(late, sealed={BOOK: (4, 90)})) == ["I1 beginning"]


FILLS = ("trading.fills", 0)


@pytest.mark.parametrize(
    ("landed", "kafka", "committed", "known", "said"),
    [
        ((), (1000, 1000), 1000, {}, "no row of the 1000 offsets"),
        ((), (1000, 1000), 1000, {"watermarks": {}}, "the checkpoint is at 1000, the table at 0"),
        ((0, 499), (1000, 1000), 1000, {}, "rows up to 499"),
        ((500, 999), (500, 1000), 1000, {}, "begins at 500"),
        ((), (0, 1000), None, {}, "1000 messages have not landed and no checkpoint knows"),
        ((0, 499), (0, 1000), 500, {"sealed": {FILLS: (0, 700)}}, "sealed up to 700"),
        ((0, 499), (700, 1000), 500, {}, "offsets 500 to 699 left Kafka before they landed"),
        ((0, 499), (0, 300), 500, {}, "Kafka ends at 300"),
        ((0, 499), (0, 500), 500, {"watermarks": {}}, "rows up to 499 without a watermark"),
    ],
)
def test_what_is_gone_is_named_whatever_kafka_still_has(
    landed: tuple[int, int] | tuple[()],
    kafka: tuple[int, int],
    committed: int | None,
    known: dict[str, Any],
    said: str,
) -> None:
    """Defect A4: a table that is gone, half of one, a front that is gone, no checkpoint."""
    counts = {}
    if landed:
        first, last = landed
        counts = {FILLS: OffsetCounts(first, last, last - first + 1, 0, 0, 0)}
    ends = {} if committed is None else {FILLS: committed}
    audit = report_of(counts, {FILLS: kafka}, ends, **known)
    assert not audit.ok
    assert said in " ".join(check.detail for check in audit.checks)


def test_a_quiet_topic_that_kafka_no_longer_has_is_clean() -> None:
    counts = {FILLS: OffsetCounts(0, 999, 1000, 0, 0, 0)}
    assert report_of(counts, {FILLS: (1000, 1000)}, {FILLS: 1000}).ok


def test_a_partition_that_never_landed_is_a_loss_once_it_was_committed() -> None:
    assert "I1 end" in failed(report_of({}, {BOOK: (0, 9)}, {BOOK: 9}))


def test_committed_offsets_that_are_not_landed_are_a_loss() -> None:
    assert failed(report(committed={BOOK: 110})) == ["I1 end"]


def test_a_second_reader_that_counts_otherwise_is_reported() -> None:
    other = OffsetCounts(first=0, last=99, landed=99, quarantined=2, in_both=1, doubled=0)
    assert failed(report(second_counts=other)) == ["two readers agree"]
