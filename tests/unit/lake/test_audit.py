"""The audit finds what is missing, doubled, in both tables, or told differently by the witness."""

from typing import Any

import pytest

from include.lake.audit.conservation import OffsetCounts, make_report

BOOK = ("market.book", 0)
CLEAN = OffsetCounts(first=0, last=99, landed=98, quarantined=2, in_both=0, doubled=0)


def report(count: OffsetCounts = CLEAN, **changes: Any) -> Any:
    arguments = {
        "ranges": {BOOK: (0, 120)},
        "committed": {BOOK: 100},
        "witness": {BOOK: count},
        **changes,
    }
    return make_report({BOOK: count}, arguments.pop("ranges"), **arguments)


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
    assert failed(report(late, ranges={BOOK: (5, 120)})) == []


def test_a_partition_that_never_landed_is_a_loss_once_it_was_committed() -> None:
    audit = make_report({}, {BOOK: (0, 9)}, committed={BOOK: 9}, witness={})
    assert "I1 end" in failed(audit)


def test_committed_offsets_that_are_not_landed_are_a_loss() -> None:
    assert failed(report(committed={BOOK: 110})) == ["I1 end"]


def test_a_witness_that_counts_otherwise_is_heard() -> None:
    other = OffsetCounts(first=0, last=99, landed=99, quarantined=2, in_both=1, doubled=0)
    assert failed(report(witness={BOOK: other})) == ["two readers agree"]
