"""What is kept as files works in a bucket as on a disk; what the store refuses is a sentence."""

import io
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.atomic_files import move_folder, remove_folder, write_file, write_folder
from include.errors import ForecastError, PlatformError
from include.forecast import forecast_file
from include.lake import archive
from include.lake.checkpoint import batch_numbers, committed_offsets, find_damage
from include.lake.diagnosis import repair
from include.lake.epoch import Epoch, read_epoch, write_epoch
from include.lake.reading import count_rows, query
from include.lake.tables import TABLES
from include.lake.window_states import read_state, write_state
from include.local.backup import back_up
from include.local.restoring import read_backup, restore_files
from include.market.wire import TopicPartition
from include.object_path import ObjectPath, StorePath, list_paths, size_of_folder
from include.quality.page import put_page, remove_old_pages
from include.settings import ROOT, Settings, load
from include.state_files import read_json_file
from include.store_check import check_store
from spark_jobs.data_files import DataFile
from tests.support.forecast_files import START, put
from tests.support.lake_of_rows import put as put_rows
from tests.support.object_store import BUCKET, object_store, used, variables
from tests.support.stream_world import trade

HEAD = "v1\n{}\n"
PART = TopicPartition("market.trades", 0)


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with object_store(tmp_path_factory.mktemp("s3")) as port, used(port):
        yield port


@pytest.fixture(params=["disk", "bucket"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, port: int) -> StorePath:
    return tmp_path if request.param == "disk" else ObjectPath(BUCKET, tmp_path.name)


def written(checkpoint: StorePath, ends: dict[int, int], *, committed: int) -> None:
    for name in ("offsets", "commits", "window_states"):
        (checkpoint / name).mkdir(parents=True, exist_ok=True)
    write_file(checkpoint / "metadata", '{"id":"0598242f"}')
    for batch, end in ends.items():
        write_file(checkpoint / "offsets" / str(batch), f'{HEAD}{{"market.trades":{{"0":{end}}}}}')
        if batch <= committed:
            write_file(checkpoint / "commits" / str(batch), "v1\n{}")


def test_a_folder_has_the_size_of_all_below_it(folder: StorePath) -> None:
    assert size_of_folder(folder / "checkpoints") == 0
    written(folder / "checkpoints" / "land", {0: 3, 1: 5}, committed=1)
    files = [path for path in (folder / "checkpoints").rglob("*") if path.is_file()]
    assert size_of_folder(folder / "checkpoints") == sum(len(path.read_bytes()) for path in files)
    assert size_of_folder(folder / "checkpoints") > 0


def test_a_checkpoint_is_read_where_it_is(folder: StorePath) -> None:
    checkpoint = folder / "checkpoints" / "land" / "stream"
    assert (find_damage(checkpoint), committed_offsets(checkpoint)) == (None, {})
    written(checkpoint, {0: 3, 1: 5}, committed=0)
    assert (find_damage(checkpoint), committed_offsets(checkpoint)) == (None, {PART: 3})
    assert sorted(batch_numbers(checkpoint / "offsets")) == [0, 1]
    write_file(checkpoint / "offsets" / "1", "")
    assert find_damage(checkpoint) == "offsets/1 is empty or cut off"


def test_an_empty_file_of_the_state_is_damage(folder: StorePath) -> None:
    written(folder, {0: 3}, committed=0)
    (folder / "state" / "0" / "0").mkdir(parents=True)
    write_file(folder / "state" / "0" / "0" / "1.delta", "whole")
    assert find_damage(folder) is None
    write_file(folder / "state" / "0" / "0" / "2.delta", b"\0" * 40)
    assert find_damage(folder) == "state/0/0/2.delta is empty"


def test_epoch_and_window_states_are_written_where_they_are_read(folder: StorePath) -> None:
    epoch = Epoch({PART: 7}, {"market.trades": "an-id"})
    write_epoch(folder / "epoch.json", epoch)
    assert read_epoch(folder / "epoch.json") == epoch
    for batch in range(6):
        write_state(folder, batch, _State(batch))
    assert sorted(batch_numbers(folder / "window_states")) == [3, 4, 5]
    assert read_state(folder, 4, _State) == _State(4)


class _State(msgspec.Struct):
    number: int


def test_a_repair_moves_the_checkpoint_away(folder: StorePath) -> None:
    written(folder / "checkpoints" / "land" / "stream", {0: 3}, committed=0)
    damaged = repair(folder, "land", repaired_at=START)
    assert not (folder / "checkpoints" / "land" / "stream").exists()
    assert committed_offsets(damaged) == {PART: 3}
    assert damaged.name == f"land.damaged-{START:%Y%m%dT%H%M%S}"


def test_a_folder_is_written_moved_and_removed(folder: StorePath) -> None:
    write_folder(folder / "model", {"model.json": b"{}", "record.json": b"[1]"})
    assert [path.name for path in list_paths(folder, "*/record.json")] == ["record.json"]
    move_folder(folder / "model", folder / "other")
    assert read_json_file(folder / "other" / "record.json", list[int]) == [1]
    assert read_json_file(folder / "model" / "record.json", list[int]) is None
    remove_folder(folder / "other")
    assert list_paths(folder, "*/*") == []


def test_forecasts_are_published_read_pruned_and_rolled_back(folder: StorePath) -> None:
    first, second = (put(folder, level, day=day) for level, day in ((9000, 1), (9100, 2)))
    assert put(folder, 9100, day=3) == second
    assert forecast_file.load_current(folder).point_at(0) is None
    assert [m.forecast_id for m in forecast_file.published_manifests(folder)] == [
        second.forecast_id,
        first.forecast_id,
    ]
    assert forecast_file.rollback(folder).forecast_id == first.forecast_id
    third = put(folder, 9200, day=4, keep=1)
    assert forecast_file.current_id(folder) == third.forecast_id
    assert not (folder / second.forecast_id).exists()


def test_the_second_of_two_publications_at_once_is_refused(
    tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = ObjectPath(BUCKET, tmp_path.name)
    ours, others = put(folder, 9000, day=1), put(folder, 9100, day=2)
    read = forecast_file.read

    def read_while_another_publishes(path: StorePath) -> forecast_file.ForecastFile:
        monkeypatch.setattr(forecast_file, "read", read)
        write_file(folder / "CURRENT", f"{others.forecast_id}\n")
        write_file(folder / "CURRENT", "a-third\n")
        return read(path)

    monkeypatch.setattr(forecast_file, "read", read_while_another_publishes)
    with pytest.raises(ForecastError, match="another publication has moved s3a://"):
        forecast_file.point_to(folder, ours.forecast_id)
    assert forecast_file.current_id(folder) == "a-third"


def test_an_archive_of_history_is_where_every_machine_reads_it(tmp_path: Path, port: int) -> None:
    """Downloaded on a disk, since a broken download is resumed there, and put beside the lake."""
    world = {
        "TICKHOUSE_VAR": str(tmp_path),
        **variables(port, prefix=f"s3a://lake/{tmp_path.name}"),
    }
    settings = load(world)
    csv = tmp_path / "prices.csv"
    for content in (b"Timestamp,Close\n1,2\n", b"Timestamp,Close\n1,2\n2,3\n"):
        csv.write_bytes(content)
        fetched = archive.fetch_archive(str(csv), settings)
        shared = archive.share(fetched, settings)
        assert str(shared) == f"s3a://lake/{tmp_path.name}/sim/history/prices.csv"
        assert shared.read_bytes() == content
    assert archive.choose_folder(settings) == tmp_path / "sim" / "history"
    on_disk = load({"TICKHOUSE_VAR": str(tmp_path), "TICKHOUSE_STORE": str(tmp_path / "store")})
    assert archive.choose_folder(on_disk) == tmp_path / "store" / "sim" / "history"
    assert archive.share(csv, on_disk) == csv


def test_a_world_in_a_bucket_is_backed_up_and_restored(tmp_path: Path, port: int) -> None:
    def world(name: str) -> Settings:
        store = variables(port, prefix=f"s3a://lake/{tmp_path.name}-{name}")
        return load({"TICKHOUSE_VAR": str(tmp_path / name), **store})

    old, new = world("old"), world("new")
    put_rows(old.lake, "trades", [{}, {}])
    put_rows(old.lake, "trades", [{}])
    write_file(old.world_store / "forecasts" / "CURRENT", "f1")
    write_file(old.world_store / "quality" / "run.html", "<p>")
    write_epoch(old.checkpoints / "land" / "epoch.json", Epoch({}, {"market.trades": "an-id"}))
    made = back_up(old, tmp_path / "b", made_at=START, program="1", print_line=lambda _: None)
    put_rows(old.lake, "trades", [{}])  # after the moment
    assert made == read_backup(tmp_path / "b")
    assert (made.tables, made.topic_ids) == ({"trades": 1}, {"market.trades": "an-id"})
    assert restore_files(new, tmp_path / "b") == made
    assert count_rows(new.lake)["trades"] == 3
    assert (new.world_store / "forecasts" / "CURRENT").read_text() == "f1"
    assert (new.world_store / "quality" / "run.html").read_text() == "<p>"
    assert read_epoch(new.checkpoints / "land" / "epoch.json") == Epoch(
        {}, {"market.trades": "an-id"}
    )
    with pytest.raises(PlatformError, match="exists: a backup is restored into a new world"):
        restore_files(new, tmp_path / "b")


def test_a_query_reads_the_bucket_of_the_settings_as_they_are_now(
    tmp_path: Path, port: int
) -> None:
    """A process that has read another server's bucket before."""
    for number in (port, None):
        with ExitStack() as stack:
            at = number or stack.enter_context(object_store(tmp_path / "another"))
            stack.enter_context(used(at))
            store = variables(at, prefix=f"s3a://lake/{tmp_path.name}")
            settings = load({"TICKHOUSE_VAR": str(tmp_path), **store})
            put_rows(settings.lake, "trades", [{}])
            _, rows = query(settings.lake, "SELECT count(*) FROM trades")
            assert rows == [(1,)]


def test_old_quality_pages_are_removed_with_their_pictures(folder: StorePath) -> None:
    for number in range(3):
        put_page(folder / f"run-{number}.md", "# page")
        write_file(folder / f"run-{number}.png", b"picture")
    assert remove_old_pages(folder, newest=0) == 3
    assert list_paths(folder, "*.png") == []


def test_a_name_that_is_taken_is_not_put_again(tmp_path: Path, port: int) -> None:
    name = ObjectPath(BUCKET, f"{tmp_path.name}/once")
    name.put(b"first", if_absent=True)
    with pytest.raises(FileExistsError):
        name.put(b"second", if_absent=True)
    version = name.version()
    name.replace_version(b"third", version)
    with pytest.raises(FileExistsError):
        name.replace_version(b"fourth", version)
    assert name.read_bytes() == b"third"


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"S3_ACCESS_KEY": "wrong"}, "refuses the key for s3a://lake: correct TICKHOUSE_S3_ACC"),
        ({"STORE": "s3a://missing/x"}, "there is no bucket s3a://missing: create it, or correct"),
        ({"S3_ENDPOINT": "http://127.0.0.1:9"}, "of s3a://lake does not answer: is it up, and"),
    ],
)
def test_what_the_store_refuses_is_one_sentence_and_exit_code_1(
    tmp_path: Path, port: int, changed: dict[str, str], sentence: str
) -> None:
    environ = variables(port) | {f"TICKHOUSE_{name}": value for name, value in changed.items()}
    environ["TICKHOUSE_VAR"] = str(tmp_path)
    statement = "SELECT count(*) FROM trades"
    for command in (["cli.main", "sql", statement], ["spark_jobs.compact_tables", "trades"]):
        done = subprocess.run(
            [sys.executable, "-m", *command],
            env=os.environ | environ,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode in {1, 75}, done
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr
        assert sentence in done.stderr


def test_a_clock_that_is_off_is_one_sentence(tmp_path: Path) -> None:
    with object_store(tmp_path, clock_off_s=3600) as port, used(port) as settings:
        with pytest.raises(PlatformError, match=r"refuses this machine's clock.*set it \(NTP\)"):
            check_store(settings)


def test_a_store_that_puts_whatever_is_there_is_refused(tmp_path: Path) -> None:
    with object_store(tmp_path, mode="unconditional") as port, used(port) as settings:
        with pytest.raises(PlatformError, match="does not put conditionally"):
            check_store(settings)


def test_a_task_leaves_the_same_data_file_on_a_disk_and_in_a_bucket(folder: StorePath) -> None:
    (folder / "trades").mkdir()
    values = [trade(number, random.Random(number)) for number in range(2000)]
    at = datetime(2026, 11, 26, tzinfo=UTC)
    columns = {
        "topic": pa.array(["market.trades"] * len(values)),
        "partition": pa.array([0] * len(values), pa.int32()),
        "offset": pa.array(range(len(values)), pa.int64()),
        "timestamp": pa.array([at] * len(values), pa.timestamp("us", "UTC")),
        "value": pa.array(values, pa.binary()),
    }
    file = DataFile(str(folder), TABLES["trades"])
    assert file.add(pa.record_batch(columns))
    add = json.loads(file.close())["add"]
    content = (folder / "trades" / add["path"]).read_bytes()
    assert len(content) == add["size"] > 20_000
    assert json.loads(add["stats"])["numRecords"] == len(values)
    assert pq.read_table(io.BytesIO(content))["offset"].to_pylist() == list(range(len(values)))
