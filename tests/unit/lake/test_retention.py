"""Retention: what was sealed before rows were dropped is remembered, the rest audited as ever."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from deltalake import DeltaTable

from cli.main import cli
from include.lake.audit.agreement import check_agreement, check_closed_minutes
from include.lake.audit.landed_minutes import COMPARED
from include.lake.closed_minutes import closing_watermarks, merge_closed
from include.lake.floors import (
    Floor,
    describe_dropped,
    dropped_until,
    read_floors,
    write_floors,
)
from include.lake.minutes import changed_minutes
from include.lake.recounted_minutes import minutes_before, minutes_between
from include.lake.tables import TABLES
from include.lake.writing import arrow_rows
from tests.support.audited_lake import (
    BATCHES,
    BOOK,
    LEDGER,
    PER_BATCH,
    REJECTS,
    TRADES,
    AuditedLake,
    clean_lake,
    land_batch,
    reject,
    row,
)
from tests.support.landed_rows import AT, land, trade
from tests.support.retained_lake import KEEP, delete_below_floors, move, retain


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> AuditedLake:
    audited = clean_lake(tmp_path_factory.mktemp("sealed"))
    assert audited.audit().ok
    return audited


@pytest.fixture
def world(sealed: AuditedLake, tmp_path: Path) -> AuditedLake:
    shutil.copytree(sealed.home, tmp_path, dirs_exist_ok=True)
    return sealed.at(tmp_path)


@pytest.fixture
def cut(world: AuditedLake) -> AuditedLake:
    retain(world)
    faults(world, expected=0)
    return world


def faults(audited: AuditedLake, *, expected: int | None = None, **options: bool) -> str:
    details = [
        f"{check.name}: {check.detail}" for check in audited.audit(**options).checks if not check.ok
    ]
    assert expected is None or len(details) == expected, details
    return "\n".join(details)


def offsets(audited: AuditedLake, name: str, part: tuple[str, int]) -> list[int]:
    rows = audited.delta(name).to_pyarrow_table(columns=["topic", "partition", "offset"])
    return sorted({r["offset"] for r in rows.to_pylist() if (r["topic"], r["partition"]) == part})


def test_rows_older_than_the_days_go_and_the_audit_counts_what_was_there(
    world: AuditedLake,
) -> None:
    whole = world.audit().partitions
    moved = retain(world)
    # the newest row of each is of second 47
    floors = {part: floor.offset for part, floor in read_floors(world.lake).items()}
    assert floors == {TRADES[0]: 27, TRADES[1]: 27, BOOK: 27, LEDGER: 17, REJECTS: 22}
    assert {floor.part: floor.dropped_offsets for floor in moved} == floors
    assert offsets(world, "trades", TRADES[1])[:2] == [28, 29]  # 27 is in quarantine
    assert offsets(world, "quarantine", TRADES[1]) == [27, 39]
    assert offsets(world, "quarantine", REJECTS)[0] == 22
    assert len(offsets(world, "decisions", ("trading.decisions", 0))) == 48
    for options in ({}, {}, {"full": True}):
        report = world.audit(**options)
        assert report.ok, report.checks
        assert report.partitions == whole
    until = dropped_until(read_floors(world.lake), "trades")
    assert until == AT + timedelta(seconds=26)


def test_a_record_that_kafka_stamped_in_2099_makes_no_row_old(world: AuditedLake) -> None:
    stamped = row(TRADES[0], 999, 5, 6, venue="binance") | {"kafka_time": AT.replace(year=2099)}
    land(Path(world.lake), "trades", [stamped])
    # ten days after the newest of the others: a world that stood still loses nothing either
    floors = {floor.part: floor.offset for floor in move(world, {"trades": timedelta(days=5)})}
    assert floors == {}


def test_what_lands_later_is_counted_and_floors_move_on(cut: AuditedLake) -> None:
    for batch in (BATCHES, BATCHES + 1):
        land_batch(cut, batch)
        assert faults(cut) == ""
        assert {floor.part for floor in retain(cut)} == {*TRADES, BOOK, LEDGER, REJECTS}
        for full in (False, True):
            assert faults(cut, full=full) == ""
    report = cut.audit()
    assert {line.first for line in report.partitions} == {0}
    assert {line.landed + line.quarantined for line in report.partitions} == {72}
    assert offsets(cut, "feed_ledger", LEDGER)[0] == 71 - 30


def test_what_no_audit_has_sealed_is_kept(world: AuditedLake) -> None:
    shutil.rmtree(world.home / "seals")
    assert retain(world) == []
    assert faults(world) == ""
    for batch in range(BATCHES, BATCHES + 4):
        land_batch(world, batch)
    retain(world, {"trades": timedelta(seconds=1)})
    assert {read_floors(world.lake)[part].offset for part in TRADES} == {47}
    assert faults(world) == ""


def test_nothing_is_dropped_where_nothing_is_old(cut: AuditedLake) -> None:
    before = {name: cut.delta(name).version() for name in KEEP}
    assert move(cut) == []
    assert {name: cut.delta(name).version() for name in KEEP} == before


def test_a_younger_row_behind_older_ones_keeps_what_follows_it(world: AuditedLake) -> None:
    """Producers stamp messages: their times may be out of order."""
    rows = world.delta("trades").to_pyarrow_table().to_pylist()
    early = next(r for r in rows if r["offset"] == 8 and r["partition"] == 0)
    world.delta("trades").delete('"offset" = 8 AND "partition" = 0')
    world.commit("trades", [early | {"kafka_time": AT + timedelta(hours=1)}], {})
    assert_resealed(world)
    retain(world, {"trades": timedelta(hours=1) - timedelta(seconds=27)})
    assert read_floors(world.lake)[TRADES[0]].offset == 8
    assert faults(world) == ""


def assert_resealed(audited: AuditedLake) -> None:
    assert faults(audited, reseal=True) == ""


@pytest.mark.parametrize("killed", ["after the seals", "after the floors", "between deletes"])
def test_a_kill_on_the_way_leaves_a_clean_lake(
    world: AuditedLake, monkeypatch: pytest.MonkeyPatch, killed: str
) -> None:
    if killed == "after the seals":

        def die(*_: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr("include.lake.audit.dropping.write_floors", die)
            with pytest.raises(KeyboardInterrupt):
                move(world)
    else:
        move(world)
    if killed == "between deletes":
        world.delta("trades").delete('"offset" < 27')
    for full in (False, True, False):
        assert faults(world, full=full) == ""
    retain(world)
    assert offsets(world, "trades", TRADES[0])[0] == 28
    for full in (False, True):
        assert faults(world, full=full) == ""


def test_an_audit_that_pinned_the_tables_before_is_clean(world: AuditedLake) -> None:
    """Rows are dropped while it counts: its versions have them still."""
    assert faults(world) == ""
    report = world.audit(other_checks=lambda _: retain(world) and ())
    assert report.ok, report.checks
    assert faults(world) == ""


HAND: dict[str, tuple[Callable[[AuditedLake], object], str]] = {
    "a row above the floor is deleted": (
        lambda w: w.delta("trades").delete('"offset" = 30 AND "partition" = 1'),
        "market.trades/1: 1 missing",
    ),
    "a row above the floor is changed": (
        lambda w: w.delta("trades").update(updates={"price": "9"}, predicate='"offset" = 30'),
        "market.trades/0: rows of trades below offset 48 have other values",
    ),
    "the row at the floor is deleted": (
        lambda w: w.delta("book_changes").delete('"offset" = 27'),
        "market.book/0: 1 missing",
    ),
    "a quarantined record above the floor is deleted": (
        lambda w: w.delta("quarantine").delete("topic = 'market.trades' AND offset = 39"),
        "market.trades/0: 1 missing",
    ),
    "rows of a table that keeps all are deleted": (
        lambda w: w.delta("decisions").delete('"offset" < 5'),
        "trading.decisions/0",
    ),
    "everything is deleted": (lambda w: w.delta("trades").delete(), "market.trades/0"),
    "the floor is moved up": (
        lambda w: set_floor(w, 30),
        "market.trades/0: retention_floors has the floor 30, 27 was sealed",
    ),
    "the floor and the rows below it": (
        lambda w: (set_floor(w, 30), delete_below_floors(w)),
        "market.trades/0: retention_floors has the floor 30, 27 was sealed",
    ),
    "the floor is moved down": (
        lambda w: set_floor(w, 20),
        "market.trades/0: retention_floors has the floor 20, 27 was sealed",
    ),
    "the floors are lost": (
        lambda w: shutil.rmtree(Path(w.lake) / "retention_floors"),
        "market.trades/0: retention_floors has the floor 0, 27 was sealed",
    ),
    "the seals are lost": (
        lambda w: shutil.rmtree(w.home / "seals"),
        "market.trades/0: no seal remembers what retention dropped",
    ),
    "a floor is invented": (
        lambda w: write_floors(
            w.lake,
            [replace(read_floors(w.lake)[BOOK], part=BOOK._replace(topic="trading.fills"))],
        ),
        "trading.fills/0: retention_floors has the floor 27, 0 was sealed",
    ),
}


def set_floor(audited: AuditedLake, offset: int) -> None:
    floors = read_floors(audited.lake)
    floors[TRADES[0]] = replace(floors[TRADES[0]], offset=offset)
    write_floors(audited.lake, [floors[part] for part in TRADES])


@pytest.mark.parametrize("harm", HAND)
def test_a_hand_that_changes_a_cut_lake_is_named(cut: AuditedLake, harm: str) -> None:
    change, sentence = HAND[harm]
    change(cut)
    for full in (False, True):
        named = faults(cut, full=full)
        assert sentence in named
        assert "./tickhouse" in named


def test_resealing_accepts_what_is_there_and_forgets_what_was_dropped(cut: AuditedLake) -> None:
    shutil.rmtree(cut.home / "seals")
    assert faults(cut) != ""
    assert_resealed(cut)
    for full in (False, True):
        report = cut.audit(full=full)
        assert report.ok, report.checks
    assert {line.first for line in report.partitions if line.topic == "market.trades"} == {27}
    land_batch(cut, BATCHES)
    assert faults(cut) == ""
    retain(cut)
    assert faults(cut) == ""


def test_a_partition_that_came_later_is_counted_from_its_first_offset(cut: AuditedLake) -> None:
    part = TRADES[0]._replace(partition=2)
    numbers = range(100, 105)
    rows = [row(part, o, n, n, venue="gemini") for o, n in enumerate(numbers)]
    cut.land(part, rows, len(rows))
    for full in (False, True):
        report = cut.audit(full=full)
        assert report.ok, report.checks
        assert [line.landed for line in report.partitions if line.partition == 2] == [5]
    cut.delta("trades").delete('"offset" = 2 AND "partition" = 2')
    assert "market.trades/2: 1 missing" in faults(cut)


def test_a_trade_healed_long_after_is_no_hole_where_its_neighbours_were_dropped(
    world: AuditedLake,
) -> None:
    end = world.committed[TRADES[0]]
    late = row(TRADES[0], end, 6, 1006, venue="binance") | {"traded_at": AT}
    world.land(TRADES[0], [late], end + 1)
    for offset in range(BATCHES * PER_BATCH + 1, BATCHES * PER_BATCH + 60):
        rows = [row(TRADES[0], offset, offset, 1047 + offset, venue="binance")]
        world.land(TRADES[0], rows, offset + 1)
    assert faults(world) == ""
    retain(world, {"trades": timedelta(seconds=80)})
    assert read_floors(world.lake)[TRADES[0]].offset == 27
    assert faults(world) == ""


def test_a_hole_behind_the_floor_must_be_in_the_ledger(cut: AuditedLake) -> None:
    for batch in range(BATCHES, BATCHES + 4):
        land_batch(cut, batch)
    assert faults(cut) == ""
    cut.delta("trades").delete('"offset" = 40')
    assert "I2 completeness" in faults(cut)


def test_records_that_come_back_from_quarantine_break_no_seal(cut: AuditedLake) -> None:
    rows = cut.delta("trades").to_pyarrow_table().to_pylist()
    neighbour = next(r for r in rows if r["offset"] == 40 and r["partition"] == 0)
    number = 2 * 39
    returned = neighbour | {"offset": 39, "trade_id": str(number)}
    cut.commit("trades", [returned | {"seq_first": number + 1000, "seq_last": number + 1000}], {})
    cut.delta("quarantine").delete(
        'topic = \'market.trades\' AND "partition" = 0 AND "offset" = 39'
    )
    for full in (False, True):
        assert faults(cut, full=full) == ""
    land_batch(cut, BATCHES)
    assert faults(cut) == ""
    retain(cut)
    assert faults(cut) == ""


def test_quarantined_records_of_an_old_message_go_with_it(world: AuditedLake) -> None:
    end = world.committed[REJECTS]
    world.land(REJECTS, [], end + 1, bad=[reject(REJECTS, end)])
    assert faults(world) == ""
    retain(world, {"trades": timedelta(seconds=20)})
    assert offsets(world, "quarantine", TRADES[0]) == [27, 39]
    assert len(offsets(world, "quarantine", REJECTS)) == end + 1
    assert faults(world) == ""


def test_minutes_whose_trades_were_dropped_stand_and_are_not_compared(tmp_path: Path) -> None:
    lake = str(tmp_path)
    land(tmp_path, "trades", [trade(n, str(n), "buy", "1", "2", s=20 * n) for n in range(12)])
    before = minutes_before(lake, {0: 12})
    assert before.num_rows == 4
    merge_closed(lake, before, watermarks=closing_watermarks({0: 12}, AT + timedelta(minutes=4)))
    drop_trades(lake, 4)  # up to 60 s: one trade of the second minute
    with_late = [
        trade(12, "late", "sell", "9", "1", s=30),
        trade(13, "new", "buy", "1", "1", s=130),
    ]
    land(tmp_path, "trades", with_late)
    again = changed_minutes(lake, {0: 12}).minutes
    assert [m["minute"] for m in again.to_pylist()] == [AT + timedelta(minutes=2)]
    merge_closed(lake, again, watermarks=closing_watermarks({0: 14}, AT + timedelta(minutes=4)))
    assert check_closed_minutes(lake, partition_count=1).ok
    names = list(COMPARED)
    served = open_minutes(lake).to_pyarrow_table(columns=names)
    assert served.num_rows == 4
    assert check_agreement(lake, offsets={0: 14}, served=served).ok
    rows = served.to_pylist()
    late_at = AT + timedelta(minutes=2)
    wrong = arrow_rows(
        TABLES["trade_minutes"], [m | {"high": 7} if m["minute"] > late_at else m for m in rows]
    )
    assert "1 of 2 minutes differ" in check_agreement(lake, offsets={0: 14}, served=wrong).detail
    span = minutes_between(lake, AT, AT + timedelta(minutes=4), offsets={0: 14})
    assert span.num_rows == 2


def open_minutes(lake: str) -> DeltaTable:
    return DeltaTable(f"{lake}/trade_minutes")


def drop_trades(lake: str, offset: int) -> None:
    until = AT + timedelta(seconds=20 * (offset - 1))
    write_floors(lake, [Floor(TRADES[0], offset, until, offset, AT)])
    DeltaTable(f"{lake}/trades").delete(f'"offset" < {offset}')


def test_sql_says_what_was_dropped(tmp_path: Path) -> None:
    lake = str(tmp_path)
    land(tmp_path, "trades", [trade(n, str(n), "buy", "1", "2", s=20 * n) for n in range(4)])
    drop_trades(lake, 2)
    sentence = (
        "rows of trades up to 2026-11-21 08:00:20 were dropped by retention "
        "(TICKHOUSE_LAKE_KEEP_DAYS_TRADES)"
    )
    assert describe_dropped(lake, ["trades", "signals", "quotes"]) == sentence
    assert describe_dropped(lake, ["trades"], AT + timedelta(seconds=20)) == sentence
    assert describe_dropped(lake, ["trades"], AT + timedelta(seconds=21)) == ""
    settings = {"TICKHOUSE_VAR": str(tmp_path), "TICKHOUSE_STREAM_LAKE": lake}
    said = CliRunner().invoke(cli, ["sql", "SELECT count(*) FROM trades"], env=settings)
    assert said.exit_code == 0, said.output
    assert sentence in " ".join(said.stderr.split())
    assert "2" in said.stdout
