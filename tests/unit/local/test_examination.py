"""What a power cut, a full disk or a hand leaves is found in files alone, and led out of."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake

from include.errors import PlatformError, UnreadableTable
from include.lake.delta_log import find_log_damage
from include.lake.diagnosis import QUERIES
from include.lake.reading import open_table
from include.lake.tables import TABLES
from include.lake.watermarks import application_id, landed_offsets
from include.lake.writing import arrow_rows
from include.local import examination
from include.local.examination import examine, repair_all, repair_what_loses_nothing
from include.market.wire import TopicPartition
from include.settings import Settings, load
from tests.support.lake_of_rows import put

PART = TopicPartition("market.quotes", 0)
HEAD = 'v1\n{"batchWatermarkMs":0,"batchTimestampMs":1763712000000,"conf":{}}\n'


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load({"TICKHOUSE_VAR": str(tmp_path)})


def commit(settings: Settings, table: str, version: int) -> Path:
    return Path(settings.lake, table, "_delta_log", f"{version:020}.json")


def quality(settings: Settings, *, commits: int) -> None:
    for number in range(commits):
        put(settings.lake, "quality_results", [{"run_id": str(number)}])


def run_ids(settings: Settings) -> list[str]:
    table = open_table(settings.lake, "quality_results")
    return sorted(table.to_pyarrow_table()["run_id"].to_pylist()) if table else []


def land(settings: Settings, *, ends: list[int]) -> None:
    """Land offsets of one partition in as many commits, each with its watermark."""
    for end in ends:
        rows = arrow_rows(TABLES["feed_ledger"], [])
        transaction = Transaction(application_id(PART), end)
        write_deltalake(
            f"{settings.lake}/quotes",
            rows,
            mode="append",
            schema_mode="merge",
            commit_properties=CommitProperties(app_transactions=[transaction]),
        )


def checkpoint(settings: Settings, query: str, *, end: int) -> Path:
    stream = settings.home / "checkpoints" / query / "stream"
    for name in ("offsets", "commits", "state/0/0", "windows"):
        (stream / name).mkdir(parents=True)
    for batch in (0, 1):
        ends = json.dumps({PART.topic: {"0": end - 1 + batch}})
        (stream / "offsets" / str(batch)).write_text(HEAD + ends)
        (stream / "commits" / str(batch)).write_text('v1\n{"nextBatchWatermarkMs":0}')
        (stream / "state" / "0" / "0" / f"{batch + 1}.delta").write_bytes(b"LZ4Block")
        (stream / "windows" / str(batch)).write_text('{"late":[]}')
    (stream / "metadata").write_text('{"id":"0598242f"}')
    epoch = {"starts": {f"{PART.topic}/0": 0}, "topic_ids": {PART.topic: "id-1"}}
    (stream.parent / "epoch.json").write_text(json.dumps(epoch))
    return stream


def test_a_whole_world_and_one_that_was_never_up_have_no_defect(settings: Settings) -> None:
    assert examine(settings) == []
    quality(settings, commits=2)
    land(settings, ends=[5, 9])
    for query in QUERIES:
        checkpoint(settings, query, end=9)
    assert examine(settings) == []


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def nulled(path: Path) -> None:
    path.write_bytes(b"\0" * path.stat().st_size)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 20)


@pytest.mark.parametrize("harm", [emptied, nulled, cut])
def test_a_torn_newest_commit_of_any_table_is_taken_out_by_up(
    settings: Settings, harm: Callable[[Path], None]
) -> None:
    quality(settings, commits=3)
    harm(commit(settings, "quality_results", 2))
    said: list[str] = []
    repair_what_loses_nothing(settings, print_line=said.append)
    assert run_ids(settings) == ["0", "1"]
    assert "table quality_results: commit 2 is empty or cut off: repaired" in said[0]
    assert list(settings.home.glob("damaged/*/quality_results/*.json"))
    quality(settings, commits=1)
    assert run_ids(settings) == ["0", "0", "1"]


@pytest.mark.parametrize("table", ["quality_results", "history_staging", "forecasts"])
def test_a_table_whose_first_commit_is_empty_is_made_anew(settings: Settings, table: str) -> None:
    put(settings.lake, "quality_results", [{"run_id": "0"}])
    if table != "quality_results":
        shutil.move(f"{settings.lake}/quality_results", f"{settings.lake}/{table}")
    emptied(commit(settings, table, 0))
    with pytest.raises(UnreadableTable, match=f"{table} cannot be read: commit 0 is empty"):
        open_table(settings.lake, table)
    repair_what_loses_nothing(settings, print_line=lambda _: None)
    assert open_table(settings.lake, table) is None


def test_a_commit_whose_data_file_was_cut_is_taken_out(settings: Settings) -> None:
    quality(settings, commits=2)
    (newest,) = (
        json.loads(line)["add"]["path"]
        for line in commit(settings, "quality_results", 1).read_text().splitlines()
        if "add" in json.loads(line)
    )
    emptied(Path(settings.lake, "quality_results", newest))
    repair_what_loses_nothing(settings, print_line=lambda _: None)
    assert run_ids(settings) == ["0"]


def test_a_commit_missing_in_the_middle_is_named_and_doctor_goes_back_before_it(
    settings: Settings,
) -> None:
    quality(settings, commits=4)
    commit(settings, "quality_results", 2).unlink()
    with pytest.raises(
        PlatformError, match=r"table quality_results: commit 2 is missing; .*doctor --repair takes"
    ):
        repair_what_loses_nothing(settings, print_line=lambda _: None)
    with pytest.raises(UnreadableTable, match=r"commit 2 is missing; .*doctor --repair"):
        open_table(settings.lake, "quality_results")
    assert repair_all(settings, print_line=lambda _: None) == []
    assert run_ids(settings) == ["0", "1"]


def test_an_empty_commit_in_the_middle_is_found_though_delta_rs_reads_past_it(
    settings: Settings,
) -> None:
    quality(settings, commits=3)
    emptied(commit(settings, "quality_results", 1))
    assert open_table(settings.lake, "quality_results") is not None
    (defect,) = examine(settings)
    assert (defect.fault, defect.loses_nothing) == ("commit 1 is empty or cut off", False)


def test_a_cut_log_checkpoint_is_not_needed_while_the_commits_are_there(
    settings: Settings,
) -> None:
    quality(settings, commits=2)
    DeltaTable(f"{settings.lake}/quality_results").create_checkpoint()
    log = Path(settings.lake, "quality_results", "_delta_log")
    (torn,) = log.glob("*.checkpoint.parquet")
    emptied(torn)
    with pytest.raises(UnreadableTable):
        open_table(settings.lake, "quality_results")
    repair_what_loses_nothing(settings, print_line=lambda _: None)
    assert run_ids(settings) == ["0", "1"]


def test_commits_below_a_log_checkpoint_are_not_missed(settings: Settings) -> None:
    quality(settings, commits=3)
    DeltaTable(f"{settings.lake}/quality_results").create_checkpoint()
    for version in (0, 1):
        commit(settings, "quality_results", version).unlink()
    assert examine(settings) == []
    quality(settings, commits=1)
    commit(settings, "quality_results", 2).unlink()
    assert find_log_damage(Path(settings.lake, "quality_results")) is None


def test_a_landed_table_that_went_back_takes_the_checkpoint_with_it(settings: Settings) -> None:
    land(settings, ends=[5, 9])
    stream = checkpoint(settings, "land", end=9)
    emptied(commit(settings, "quotes", 1))
    said: list[str] = []
    repair_what_loses_nothing(settings, print_line=said.append)
    assert landed_offsets(settings.lake, [PART]) == {PART: 5}
    assert not stream.exists() and (stream.parent / "epoch.json").exists()
    assert "it is at offset 9 of market.quotes/0, table quotes at 5" in said[1]
    shutil.rmtree(f"{settings.lake}/quotes")
    shutil.rmtree(settings.home / "checkpoints")
    again = checkpoint(settings, "land", end=9)
    repair_what_loses_nothing(settings, print_line=lambda _: None)
    assert not again.exists(), "a landed table that is gone is read again from its beginning"


def only(path: str, harm: Callable[[Path], None]) -> Any:
    return pytest.param(path, harm, id=f"{path}-{harm.__name__}")


@pytest.mark.parametrize("query", ["signals", "averages"])
@pytest.mark.parametrize("harm", [emptied, nulled, cut])
def test_one_state_of_windows_may_be_torn_and_not_all(
    settings: Settings, query: str, harm: Callable[[Path], None]
) -> None:
    stream = checkpoint(settings, query, end=9)
    (stream / "windows" / "1").write_text(json.dumps({"late": ["a long state"] * 9}))
    harm(stream / "windows" / "1")
    assert examine(settings) == []
    (stream / "windows" / "0").unlink()
    (defect,) = examine(settings)
    assert "no state of its windows from before batch 1 can be read" in defect.sentence()
    repair_what_loses_nothing(settings, print_line=lambda _: None)
    assert not stream.exists()


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize(
    ("path", "harm"),
    [
        only("offsets/1", emptied),
        only("offsets/1", nulled),
        only("offsets/0", emptied),
        only("commits/1", emptied),
        only("commits/1", nulled),
        only("commits/1", cut),
        only("metadata", emptied),
        only("state/0/0/2.delta", emptied),
        only("state/0/0/2.delta", nulled),
    ],
)
def test_a_damaged_checkpoint_is_moved_away_by_up(
    settings: Settings, query: str, path: str, harm: Callable[[Path], None]
) -> None:
    land(settings, ends=[9])
    stream = checkpoint(settings, query, end=9)
    harm(stream / path)
    (defect,) = examine(settings)
    assert (
        defect.subject == f"checkpoint of `{query}`"
        and path in f"{defect.fault} offsets/0 metadata"
    )
    repair_what_loses_nothing(settings, print_line=lambda _: None)
    assert not stream.exists()
    assert [folder.name.partition("-")[0] for folder in stream.parent.parent.glob("*.*")] == [
        f"{query}.damaged"
    ]


def test_a_cut_folder_of_postgres_is_named_and_moved_away_by_doctor_alone(
    settings: Settings,
) -> None:
    data = settings.home / "postgres"
    (data / "global").mkdir(parents=True)
    (data / "PG_VERSION").write_text("18")
    (data / "postgresql.conf").write_text("x")
    (data / "global" / "pg_control").write_bytes(b"")
    with pytest.raises(PlatformError, match=r"Postgres's folder .* global/pg_control missing or"):
        repair_what_loses_nothing(settings, print_line=lambda _: None)
    assert repair_all(settings, print_line=lambda _: None) == []
    assert not data.exists()


def test_a_full_disk_is_named(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: Path) -> None:
        raise PlatformError("only 0.0 GB are free for var, 2 GB are needed")

    monkeypatch.setattr(examination, "check_disk", full)
    with pytest.raises(PlatformError, match=r"only 0\.0 GB are free .*; free some space first"):
        repair_what_loses_nothing(settings, print_line=lambda _: None)
