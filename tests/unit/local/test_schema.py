"""A world is used by a program that knows its schema; older ones are brought forward, or named."""

import os
import shutil
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from include.errors import PlatformError
from include.lake.reading import connect, count_rows, query
from include.lake.tables import LANDED, TABLES
from include.lake.views import VIEWS
from include.local import schema as schemas
from include.local.lock import exclusive_lock
from include.local.restoring import restore_files
from include.local.schema import (
    WorldSchema,
    join_world,
    migrate,
    read_schema,
    refuse_other_numbers,
    require_schema,
)
from include.settings import Settings, load
from include.state_files import write_checked_file
from include.versions import SCHEMA
from spark_jobs import session
from tests.support.lake_of_rows import put
from tests.support.worlds import WORLDS

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.fixture
def world(tmp_path: Path) -> Settings:
    return load({"TICKHOUSE_VAR": str(tmp_path), "TICKHOUSE_WORLD": "sim"})


def require(world: Settings) -> None:
    require_schema(world, program="1", now=NOW)


def files(world: Settings) -> dict[str, bytes]:
    paths = [path for path in world.home.rglob("*") if path.is_file()]
    return {str(path): path.read_bytes() for path in paths if path.suffix != ".lock"}


def write(world: Settings, number: int) -> None:
    world.home.mkdir(parents=True, exist_ok=True)
    write_checked_file(world.home / "schema.json", WorldSchema(number, "0", NOW))


def test_a_new_world_gets_the_schema_of_the_program(world: Settings) -> None:
    assert read_schema(world) is None
    require(world)
    assert read_schema(world) == SCHEMA
    put(world.lake, "trades", [{}])
    before = files(world)
    require(world)
    assert files(world) == before


def test_a_newer_world_is_refused_and_left_alone(world: Settings) -> None:
    write(world, SCHEMA + 1)
    before = files(world)
    for use in (require, lambda world: migrate(world, program="1", now=NOW)):
        with pytest.raises(PlatformError, match="used by a newer version of Tickhouse"):
            use(world)
    assert files(world) == before


@pytest.mark.parametrize("number", [SCHEMA + 1, SCHEMA - 1])
def test_a_spark_job_that_a_container_starts_refuses_another_number(
    world: Settings, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`up` and `prepare` are not asked there: an image that was rolled back meets a newer world."""
    write(world, number)
    before = files(world)
    monkeypatch.setattr(session, "SparkSession", None)  # none is begun
    for start in (
        lambda: session.open_session(world, "audit"),
        lambda: join_world(world, program="1", now=NOW),
    ):
        with pytest.raises(PlatformError, match=f"world sim has the schema {number}, and this"):
            start()
    assert files(world) == before


def test_a_stream_that_is_sooner_than_prepare_leaves_a_world_of_this_schema(
    world: Settings,
) -> None:
    refuse_other_numbers(world)
    assert read_schema(world) is None
    join_world(world, program="1", now=NOW)
    put(world.lake, "trades", [{}])  # as the stream makes its tables
    require(world)
    assert read_schema(world) == SCHEMA


def test_a_world_without_a_number_is_left_to_up_by_a_stream(world: Settings) -> None:
    put(world.lake, "trades", [{}])
    join_world(world, program="1", now=NOW)
    refuse_other_numbers(world)
    assert read_schema(world) == 0


def test_a_world_without_a_number_is_named_then_brought_forward(world: Settings) -> None:
    put(world.lake, "trades", [{}])
    before = files(world)
    with pytest.raises(PlatformError, match=r"schema 0, .*\./tickhouse migrate"):
        require(world)
    assert files(world) == before
    lines = migrate(world, program="1", now=NOW)
    examined = "1 tables have no column of another type than this version's"
    named = [f"world sim has the schema {number}" for number in range(1, SCHEMA + 1)]
    assert lines == [line for number in named for line in (examined, number)]
    require(world)
    assert count_rows(world.lake)["trades"] == 1
    assert migrate(world, program="1", now=NOW) == []


def test_tables_of_no_known_version_are_refused_before_anything_is_written(world: Settings) -> None:
    put(world.lake, "trades", [{}])
    rows = pa.table(
        {"price": pa.array([1.5], pa.float64()), "partition": pa.array([0], pa.int32())}
    )
    write_deltalake(f"{world.lake}/quotes", rows)
    before = files(world)
    with pytest.raises(PlatformError) as refused:
        migrate(world, program="1", now=NOW)
    assert "quotes.price is double, and should be decimal(20,8)" in str(refused.value)
    assert files(world) == before


def test_a_damaged_number_is_named(world: Settings) -> None:
    write(world, SCHEMA)
    path = world.home / "schema.json"
    path.write_bytes(path.read_bytes().replace(b'"schema":%d' % SCHEMA, b'"schema":7'))
    with pytest.raises(PlatformError, match=r"schema\.json is damaged"):
        require(world)


@pytest.mark.parametrize(
    ("lock", "name"), [("migrate", "a migration"), ("stream", "the stream job")]
)
def test_two_migrations_or_one_beside_the_stream_are_refused(
    world: Settings, lock: str, name: str
) -> None:
    put(world.lake, "trades", [{}])
    with (
        exclusive_lock(world.home / f"{lock}.lock", name=name),
        pytest.raises(PlatformError, match=f"{name} is running already"),
    ):
        migrate(world, program="1", now=NOW)
    assert read_schema(world) == 0


def test_a_world_that_is_not_there_is_not_begun(world: Settings) -> None:
    """A folder of it would keep a backup from being restored there."""
    with pytest.raises(PlatformError, match="there is no world sim yet"):
        migrate(world, program="1", now=NOW)
    assert not world.home.exists()


@pytest.mark.parametrize("at", ["stream.lock", "schema.json.partial"])
def test_a_disk_that_takes_no_file_is_a_sentence(
    world: Settings, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(world.lake, "trades", [{}])
    before = files(world)

    def fail_at(opens: Any) -> Any:
        def fill(path: Path, *arguments: Any, **options: Any) -> Any:
            if Path(path).name == at:
                raise OSError(28, "No space left on device", str(path))
            return opens(path, *arguments, **options)

        return fill

    monkeypatch.setattr(os, "open", fail_at(os.open))
    monkeypatch.setattr(Path, "open", fail_at(Path.open))
    with pytest.raises(PlatformError, match=r"world sim .*No space left on device"):
        migrate(world, program="1", now=NOW)
    monkeypatch.undo()
    assert files(world) == before
    assert read_schema(world) == 0


def test_a_step_that_fails_leaves_the_number_of_the_last_one_that_did_not(
    world: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that fills in the second of two steps: the next try begins with that step."""
    put(world.lake, "trades", [{}])
    calls: list[int] = []

    def step(number: int, *, fails: bool) -> schemas.MigrationStep:
        def run(_: Settings) -> "schemas.Iterator[str]":
            calls.append(number)
            if fails and calls.count(number) == 1:
                raise OSError(28, "No space left on device")
            yield f"step {number}"

        return run

    monkeypatch.setattr(schemas, "SCHEMA", 2)
    monkeypatch.setattr(schemas, "STEPS", {0: step(0, fails=False), 1: step(1, fails=True)})
    with pytest.raises(PlatformError, match=r"stopped at schema 1: .*No space.*; it goes on there"):
        migrate(world, program="1", now=NOW)
    assert read_schema(world) == 1
    assert migrate(world, program="1", now=NOW) == ["step 1", "world sim has the schema 2"]
    assert calls == [0, 1, 1]


@pytest.mark.parametrize("folder", sorted(WORLDS.glob("schema_*")), ids=lambda path: path.name)
def test_a_world_that_was_kept_of_each_schema_is_brought_forward(
    world: Settings, folder: Path
) -> None:
    made = restore_files(world, folder)
    assert made.schema == int(folder.name.removeprefix("schema_"))
    migrate(world, program="1", now=NOW)
    require(world)
    rows = count_rows(world.lake)
    of_schema_1 = [table.name for table in LANDED if table.name != "auctions"]
    assert {name: rows[name] for name in of_schema_1} == {
        name: 2 if name == "trades" else 1 for name in of_schema_1
    }
    prices = connect(world.lake, ["trades"]).execute("SELECT max(price) FROM trades").fetchall()
    assert prices == [(Decimal("60000.50000000"),)]
    for name in of_schema_1:  # what was added since is null, whoever reads it first
        columns = ", ".join(f'"{column}"' for column in TABLES[name].names)
        assert len(query(world.lake, f"SELECT {columns} FROM {name}")[1]) == rows[name]
    for view, (table, _) in VIEWS.items():
        if table in rows:
            query(world.lake, f"SELECT * FROM {view}")


def test_a_backup_of_a_newer_world_is_refused(world: Settings, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(WORLDS / "schema_1", copy)
    text = (copy / "backup.json").read_text()
    assert '"schema": 1' in text
    (copy / "backup.json").write_text(text.replace('"schema": 1', '"schema": 9'))
    with pytest.raises(
        PlatformError, match=f"a world with the schema 9, and this program knows {SCHEMA}"
    ):
        restore_files(world, copy)
    assert not world.home.exists()
