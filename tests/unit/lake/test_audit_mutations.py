"""The audit cannot be fooled: whatever one thing is changed in a clean lake is named.

So it is in a lake of which retention has dropped the older half.

TICKHOUSE_TEST_MUTATIONS=1000 makes as many as that; the seed of each is in its failure.
"""

import os
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake

from include.checks import Check
from include.errors import PlatformError, UnreadableTable
from include.lake.audit.conservation import AuditReport
from include.lake.audit.served import (
    TRADING,
    check_repeats,
    check_trading,
    find_due,
)
from include.lake.floors import read_floors, write_floors
from include.lake.tables import SIGNALS
from include.lake.watermarks import home_table
from include.lake.writing import arrow_rows
from include.serving.audited_signals import check_signals
from tests.support.audited_lake import (
    BATCHES,
    DECISIONS,
    PARTITIONS,
    PER_BATCH,
    REJECTS,
    AuditedLake,
    clean_lake,
    trading,
)
from tests.support.landed_rows import AT
from tests.support.retained_lake import delete_below_floors, retain

MUTATIONS = int(os.environ.get("TICKHOUSE_TEST_MUTATIONS", "30"))
FILLED = (
    "trades",
    "book_changes",
    "feed_ledger",
    "decisions",
    "orders",
    "fills",
    "quarantine",
)


@dataclass
class World:
    """A lake, what Postgres serves of it, and the source of chance of its mutation."""

    audited: AuditedLake
    served: dict[str, list[dict[str, Any]]]
    chance: random.Random
    is_cut: bool = False

    def table(self) -> DeltaTable:
        return self.audited.delta(self.chance.choice(FILLED))

    def row(self, table: DeltaTable) -> dict[str, Any]:
        rows = table.to_pyarrow_table().to_pylist()
        picked: dict[str, Any] = self.chance.choice(rows)
        return picked

    def log(self, table: DeltaTable) -> list[Path]:
        return sorted((Path(table.table_uri.removeprefix("file://")) / "_delta_log").glob("*.json"))

    def file(self) -> Path:
        return Path(self.chance.choice(self.table().file_uris()).removeprefix("file://"))

    def audit(self) -> AuditReport:
        return self.audited.audit(other_checks=self.checks)

    def checks(self, _: object) -> list[Check]:
        lake = self.audited.lake
        return [
            *(
                check_trading(
                    lake,
                    name,
                    self.served[name],
                    is_pending=lambda _: False,
                    is_due=find_due(name, self.served["decisions"], keep_days=90, now=AT),
                )
                for name in TRADING
            ),
            check_signals(
                lake, arrow_rows(SIGNALS, self.served["signals"]), next_version=1, keep_days=90
            ),
            check_repeats(lake),
        ]


def place(row: dict[str, Any]) -> str:
    return (
        f"topic = '{row['topic']}' AND \"partition\" = {row['partition']} "
        f'AND "offset" = {row["offset"]} AND event_index = {row["event_index"]}'
    )


def delete_row(world: World) -> None:
    table = world.table()
    table.delete(place(world.row(table)))


def delete_message(world: World) -> None:
    table = world.table()
    table.delete(place(world.row(table)).rpartition(" AND ")[0])


def double_row(world: World) -> None:
    table = world.table()
    append(table, [world.row(table)])


def append(table: DeltaTable, rows: list[dict[str, Any]]) -> None:
    write_deltalake(
        table, pa.Table.from_pylist(rows, table.to_pyarrow_table().schema), mode="append"
    )


def change_value(world: World) -> None:
    table = world.table()
    row = world.row(table)
    columns = [name for name in ("price", "quantity", "v", "kafka_time") if row.get(name)]
    column = world.chance.choice(columns)
    replace_row(table, row, {column: next_value(row[column])})


def next_value(value: Any) -> Any:
    return value + (timedelta(seconds=1) if hasattr(value, "year") else 1)


def replace_row(table: DeltaTable, row: dict[str, Any], changes: dict[str, Any]) -> None:
    table.delete(place(row))
    append(table, [row | changes])


def move_offset(world: World) -> None:
    table = world.table()
    row = world.row(table)
    replace_row(
        table,
        row,
        {
            "offset": world.chance.choice([row["offset"] + 1000, 0, 47, -1])
            if row["offset"] not in {0, 47}
            else 23
        },
    )


def other_message(world: World) -> None:
    """A message of another offset's values, at the offset of this one."""
    table = world.table()
    rows = table.to_pyarrow_table().to_pylist()
    first = world.chance.choice(rows)
    own = {"topic", "partition", "offset", "event_index"}
    other = world.chance.choice([row for row in rows if row["offset"] != first["offset"]])
    replace_row(table, first, {name: other[name] for name in other if name not in own})


def lose_file(world: World) -> None:
    world.file().unlink()


def cut_file(world: World) -> None:
    path = world.file()
    os.truncate(path, world.chance.randrange(path.stat().st_size))


def rewrite_file(world: World) -> None:
    """A data file under the same name, with one other value."""
    path = world.file()
    rows = pq.read_table(path)
    index = rows.column_names.index("kafka_time")
    times = rows.column(index).to_pylist()
    picked = world.chance.randrange(len(times))
    times[picked] += timedelta(seconds=1)
    changed = pa.array(times, rows.schema.field(index).type)
    pq.write_table(rows.set_column(index, rows.schema.field(index), changed), path)


def lose_log_entry(world: World) -> None:
    world.chance.choice(world.log(world.table())).unlink()


def cut_log_entry(world: World) -> None:
    path = world.chance.choice(world.log(world.table()))
    os.truncate(path, world.chance.randrange(path.stat().st_size))


def lose_newest_entries(world: World) -> None:
    log = world.log(world.table())
    for path in log[-world.chance.randrange(1, len(log)) :]:
        path.unlink()


def restore(world: World) -> None:
    table = world.table()
    drops = [e["version"] for e in table.history() if e["operation"] == "DELETE"]
    # the version before rows were dropped has those that are kept too: no harm
    table.restore(world.chance.randrange(min(drops) - 1 if drops else table.version()))


def lose_table(world: World) -> None:
    shutil.rmtree(Path(world.audited.lake) / world.chance.choice((*FILLED, "signals")))


def empty_table(world: World) -> None:
    world.table().delete()


def change_served(world: World) -> None:
    name = world.chance.choice(list(TRADING))
    rows = world.served[name]
    row = world.chance.choice(rows)
    column = world.chance.choice(["price", "quantity"])
    rows[rows.index(row)] = row | {column: row[column] + 1}


def add_served(world: World) -> None:
    name = world.chance.choice(list(TRADING))
    world.served[name].append(world.served[name][0] | {TRADING[name][0]: "only in Postgres"})


def remove_served(world: World) -> None:
    """Neither the first nor the last: those are beyond what Postgres keeps, or not in it yet."""
    name = world.chance.choice(list(TRADING))
    rows = sorted(world.served[name], key=lambda row: int(row["decision_id"][1:]))
    rows.remove(world.chance.choice(rows[1:-1]))
    world.served[name] = rows


def change_signal(world: World) -> None:
    rows = world.served["signals"]
    picked = world.chance.randrange(1, len(rows) - 1)
    if world.chance.random() < 0.5:
        rows[picked] = rows[picked] | {"value": rows[picked]["value"] + 1}
    else:
        del rows[picked]


def change_signal_in_delta(world: World) -> None:
    table = world.audited.delta("signals")
    if world.chance.random() < 0.5:
        table.update(updates={"value": "7"}, predicate="value = 3")
    else:
        table.delete("value = 3")


def decide_twice(world: World) -> None:
    offset = BATCHES * PER_BATCH
    again = trading(DECISIONS, world.chance.randrange(offset)) | {
        "offset": offset,
        "seq_first": 999,
    }
    world.audited.land(DECISIONS, [again], offset + 1)


def recreate_topic(world: World) -> None:
    part = world.chance.choice(PARTITIONS)
    if world.chance.random() < 0.5:
        world.audited.topic_ids[part.topic] = "another"
    else:
        world.audited.kafka[part] = (0, world.chance.randrange(BATCHES * PER_BATCH))


def pass_over(world: World) -> None:
    """Kafka's retention takes messages that have not landed."""
    part = world.chance.choice(PARTITIONS)
    end = world.audited.committed[part]
    world.audited.kafka[part] = (end + 5, end + 9)


def commit_ahead(world: World) -> None:
    part = world.chance.choice(PARTITIONS)
    end = world.audited.committed[part] + world.chance.randrange(1, 9)
    world.audited.committed[part] = end
    world.audited.kafka[part] = (end, end)


def lose_checkpoint(world: World) -> None:
    world.audited.committed.clear()
    part = world.chance.choice(PARTITIONS)
    first, end = world.audited.kafka[part]
    world.audited.kafka[part] = (first, end + 3)


def harm_seals(world: World) -> None:
    path = world.audited.home / "seals" / world.chance.choice(["seals.json", "newest_seal.json"])
    if world.chance.random() < 0.4:
        path.unlink()
    else:
        content = bytearray(path.read_bytes())
        content[world.chance.randrange(len(content))] ^= 1
        path.write_bytes(content)


def move_floor(world: World) -> None:
    """By hand; with half a chance the rows below it are dropped too."""
    lake = world.audited.lake
    floors = read_floors(lake)
    moved = world.chance.choice(sorted(floors))
    near = [at for at in range(1, 48) if at != floors[moved].offset]
    floors[moved] = replace(floors[moved], offset=world.chance.choice(near))
    write_floors(lake, floors.values())
    if world.chance.random() < 0.5:
        delete_below_floors(world.audited)


def lose_floor(world: World) -> None:
    table = world.audited.delta("retention_floors")
    topic = world.chance.choice(sorted(read_floors(world.audited.lake))).topic
    table.delete(f"topic = '{topic}'")


def drop_unsealed(world: World) -> None:
    """Rows are dropped further than the floor says."""
    floors = read_floors(world.audited.lake)
    part = world.chance.choice([part for part in sorted(floors) if part != REJECTS])
    offset = floors[part].offset + world.chance.randrange(2, 9)
    name = home_table(part.topic).name
    world.audited.delta(name).delete(f'partition = {part.partition} AND "offset" < {offset}')


HARMS: tuple[Callable[[World], None], ...] = (
    delete_row,
    delete_message,
    double_row,
    change_value,
    move_offset,
    other_message,
    lose_file,
    cut_file,
    rewrite_file,
    lose_log_entry,
    cut_log_entry,
    lose_newest_entries,
    restore,
    lose_table,
    empty_table,
    change_served,
    add_served,
    remove_served,
    change_signal,
    change_signal_in_delta,
    decide_twice,
    recreate_topic,
    pass_over,
    commit_ahead,
    lose_checkpoint,
    harm_seals,
)
HARMS_OF_A_CUT_LAKE = (*HARMS, move_floor, lose_floor, drop_unsealed)


@pytest.fixture(scope="module", params=[False, True], ids=["whole", "cut"])
def sound(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> World:
    audited = clean_lake(tmp_path_factory.mktemp("sound"))
    signals = [signal(minute) for minute in range(9)]
    write_deltalake(f"{audited.lake}/signals", arrow_rows(SIGNALS, signals))
    served = {
        name: audited.delta(name).to_pyarrow_table(columns=list(columns)).to_pylist()
        for name, columns in TRADING.items()
    }
    world = World(audited, {**served, "signals": signals}, random.Random(0), request.param)
    for attempt in range(3):
        if world.is_cut and attempt:
            retain(audited)
        report = world.audit()
        assert report.ok, [check for check in report.checks if not check.ok]
    return world


def signal(minute: int) -> dict[str, Any]:
    start = AT + timedelta(minutes=minute)
    return dict(
        zip(
            SIGNALS.names,
            ("gemini", "BTC-USD", "bid", Decimal(minute), start, start + timedelta(minutes=1)),
            strict=True,
        )
    )


def copy_of(sound: World, home: Path, seed: int) -> World:
    shutil.copytree(sound.audited.home, home)
    world = World(
        sound.audited.at(home),
        {name: list(rows) for name, rows in sound.served.items()},
        random.Random(seed),
        sound.is_cut,
    )
    if world.chance.random() < 0.5:  # Kafka's retention has taken everything that landed
        for part, end in world.audited.committed.items():
            world.audited.kafka[part] = (end, end)
    return world


def failures(world: World) -> list[str]:
    try:
        report = world.audit()
    except (PlatformError, UnreadableTable) as error:
        return [str(error)]
    return [check.detail for check in report.checks if not check.ok]


@pytest.mark.parametrize("first", range(0, MUTATIONS, 20))
def test_every_mutation_is_named_with_what_to_do(sound: World, tmp_path: Path, first: int) -> None:
    missed = []
    harms = HARMS_OF_A_CUT_LAKE if sound.is_cut else HARMS
    for seed in range(first, min(first + 20, MUTATIONS)):
        home, harm = tmp_path / str(seed), harms[seed % len(harms)]
        world = copy_of(sound, home, seed)
        harm(world)
        named = failures(world)
        if not any("./tickhouse" in detail for detail in named):
            missed.append((seed, harm.__name__, named))
        shutil.rmtree(home)
    assert missed == []


def test_a_lake_without_mutation_is_clean(sound: World, tmp_path: Path) -> None:
    for seed in range(2):
        assert failures(copy_of(sound, tmp_path / str(seed), seed)) == []
