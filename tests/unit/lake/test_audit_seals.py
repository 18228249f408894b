"""Seals: what was clean once is compared by digests, and a daily audit reads the day."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, Field, write_deltalake
from deltalake.schema import PrimitiveType

from include.lake.audit import digests
from include.lake.audit.conservation import AuditReport
from include.lake.columns import Column, Table
from include.lake.tables import TABLES
from include.market.wire import TopicPartition
from tests.support.audited_lake import (
    BATCHES,
    BOOK,
    DECISIONS,
    PER_BATCH,
    TRADES,
    AuditedLake,
    clean_lake,
    land_batch,
    trading,
)


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> AuditedLake:
    audited = clean_lake(tmp_path_factory.mktemp("sealed"))
    assert_clean(audited.audit())
    return audited


@pytest.fixture
def world(sealed: AuditedLake, tmp_path: Path) -> AuditedLake:
    shutil.copytree(sealed.home, tmp_path, dirs_exist_ok=True)
    return sealed.at(tmp_path)


def assert_clean(report: AuditReport) -> None:
    assert report.ok, [check for check in report.checks if not check.ok]


def detail(report: AuditReport, name: str = "seals") -> str:
    (found,) = [check for check in report.checks if check.name == name]
    assert not found.ok
    return found.detail


def test_what_lands_while_an_audit_begins_is_no_lost_end(tmp_path: Path) -> None:
    """Kafka's ends are read before and behind the tables, which the stream goes on writing."""
    world = clean_lake(tmp_path)
    earlier = world.at(world.home)
    land_batch(world, BATCHES)
    report = world.audit(earlier=earlier)
    assert report.ok, report.checks
    world.kafka[BOOK] = (0, world.kafka[BOOK][1] - 1)
    (fault,) = [check for check in world.audit(earlier=earlier).checks if not check.ok]
    assert "market.book/0" in fault.detail and "lost its end" in fault.detail


def test_what_is_new_is_added_to_what_was_sealed(world: AuditedLake) -> None:
    land_batch(world, BATCHES)
    report = world.audit()
    assert_clean(report)
    assert report.partitions == world.audit(full=True).partitions
    assert report.partitions == world.audit(reseal=True).partitions


def test_a_daily_audit_reads_what_is_new(
    world: AuditedLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    land_batch(world, BATCHES)
    read: list[str] = []
    digest_files = digests._digest_files

    def spy(uris: list[str], *rest: object, **bounds: object) -> object:
        read.extend(uris)
        return digest_files(uris, *rest, **bounds)  # type: ignore[arg-type]

    monkeypatch.setattr(digests, "_digest_files", spy)
    assert_clean(world.audit())
    files = sum(len(world.delta(name).file_uris()) for name in ("trades", "book_changes"))
    assert 0 < len(read) < files


def test_compaction_changes_nothing(world: AuditedLake) -> None:
    for name in ("trades", "book_changes", "quarantine"):
        world.delta(name).optimize.compact()
    assert_clean(world.audit())
    land_batch(world, BATCHES)
    assert_clean(world.audit())


def test_a_changed_row_is_named_when_kafka_no_longer_has_it(world: AuditedLake) -> None:
    world.kafka[TRADES[0]] = (world.committed[TRADES[0]],) * 2
    world.delta("trades").update(updates={"price": "2"}, predicate='offset = 5 AND "partition" = 0')
    assert "market.trades/0: rows of trades below offset 48 have other values" in detail(
        world.audit()
    )


def test_two_of_four_events_of_a_message_are_named(world: AuditedLake) -> None:
    world.delta("book_changes").delete("offset = 3 AND event_index IN (1, 2)")
    report = world.audit()
    assert "2 events of 1 messages are missing, the first at offset 3" in detail(
        report, "I1 events"
    )
    assert f"{BOOK.topic}/0: " in detail(report)


def test_the_last_events_of_a_message_are_named(world: AuditedLake) -> None:
    world.delta("book_changes").delete("offset = 3 AND event_index > 1")
    assert "rows below offset 48 were sealed in book_changes" in detail(world.audit())


def test_records_that_come_back_from_quarantine_break_no_seal(world: AuditedLake) -> None:
    rows = world.delta("trades").to_pyarrow_table().to_pylist()
    returned = next(row for row in rows if row["offset"] == 4 and row["partition"] == 0)
    returned = returned | {"offset": 3, "seq_first": 1006, "seq_last": 1006, "trade_id": "6"}
    world.commit("trades", [returned], {})
    world.delta("quarantine").delete("topic = 'market.trades' AND \"partition\" = 0 AND offset = 3")
    assert_clean(world.audit())
    assert_clean(world.audit())
    world.delta("trades").delete('offset = 3 AND "partition" = 0')
    assert not world.audit().ok


def test_a_topic_that_was_recreated_is_named(world: AuditedLake) -> None:
    world.topic_ids[BOOK.topic] = "another"
    assert "market.book/0: the topic was recreated" in detail(world.audit())


@pytest.mark.parametrize("harm", ["gone", "torn", "edited", "older"])
def test_seals_that_are_lost_or_damaged_are_reported_and_not_renewed(
    world: AuditedLake, harm: str
) -> None:
    seals = world.home / "seals" / "seals.json"
    older = seals.read_bytes()
    land_batch(world, BATCHES)
    assert_clean(world.audit())
    if harm == "gone":
        seals.unlink()
    elif harm == "torn":
        os.truncate(seals, 100)
    elif harm == "edited":
        stored = json.loads(seals.read_bytes())
        stored["seals"]["partitions"][0]["next"] = 1
        seals.write_text(json.dumps(stored))
    else:
        seals.write_bytes(older)
    for _ in range(2):
        assert "`./tickhouse audit --reseal`" in detail(world.audit())
    assert_clean(world.audit(reseal=True))
    assert_clean(world.audit())


def test_offsets_that_a_transaction_took_are_not_missing(world: AuditedLake) -> None:
    end = BATCHES * PER_BATCH
    rows = [trading(DECISIONS, offset) for offset in (end, end + 1, end + 3)]
    world.land(DECISIONS, rows, end + 5)  # end + 2 and, as the newest, end + 4 are its markers
    unexplained = world.audit()
    assert "1 missing" in detail(unexplained, "I1 conservation")
    world.without_record[DECISIONS] = {end + 2, end + 4}
    for _ in range(2):
        assert_clean(world.audit())
    world.land(DECISIONS, [trading(DECISIONS, end + 5)], end + 6)
    assert_clean(world.audit())
    # sealed: known when Kafka no longer is asked
    world.kafka[DECISIONS] = (end + 6, end + 6)
    for options in ({}, {"full": True}):
        assert_clean(world.audit(**options))


def test_a_row_that_is_gone_is_no_transactions_marker(world: AuditedLake) -> None:
    end = BATCHES * PER_BATCH
    world.land(DECISIONS, [trading(DECISIONS, end), trading(DECISIONS, end + 2)], end + 3)
    assert "1 missing" in detail(world.audit(), "I1 conservation")


def test_a_partition_of_which_all_new_offsets_are_markers_is_clean(world: AuditedLake) -> None:
    end = BATCHES * PER_BATCH
    world.land(DECISIONS, [], end + 2)
    world.without_record[DECISIONS] = {end, end + 1}
    assert_clean(world.audit())


def test_a_column_that_a_later_version_adds_breaks_no_seal(
    world: AuditedLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = TABLES["trades"]
    added = Column("of_a_later_version", "bigint", "a column that was added")
    longer = replace(table, columns=(*table.columns, added))
    monkeypatch.setitem(TABLES, "trades", longer)
    assert_clean(world.audit(full=True))
    field = Field(added.name, PrimitiveType("long"), nullable=True)
    world.delta("trades").alter.add_columns([field])
    land_batch(world, BATCHES)
    assert_clean(world.audit())
    monkeypatch.setitem(TABLES, "trades", table)  # as if the column were gone
    assert "trades: columns that were sealed are gone" in detail(world.audit())


def test_a_rows_hash_is_of_each_value_and_its_column(tmp_path: Path) -> None:
    columns = (Column("a", "bigint", "a"), Column("b", "bigint", "b"), Column("c", "string", "c"))
    rows = [(1, 2, "x"), (2, 1, "x"), (1, None, "x"), (None, 1, "x"), (0, 0, "x"), (None, None, "")]
    found, ends = [], {TopicPartition("t", 0): 9}
    for number, row in enumerate(rows):
        values = pa.table(
            {
                "topic": ["t"],
                "partition": pa.array([0], pa.int32()),
                "offset": [5],
                "a": pa.array([row[0]], pa.int64()),
                "b": pa.array([row[1]], pa.int64()),
                "c": [row[2]],
            }
        )
        write_deltalake(str(tmp_path / str(number)), values)
        uris = DeltaTable(str(tmp_path / str(number))).file_uris()
        own = Table("own", "a table", columns, key=("a",))
        (digest,) = digests.digest_files(uris, own, floors={}, ends=ends).values()
        without = Table("own", "a table", columns[::2], key=("a",))
        (shorter,) = digests.digest_files(uris, without, floors={}, ends=ends).values()
        assert (digest == shorter) == (row[1] is None)
        found.append(digest)
    assert len(set(found)) == len(rows)
