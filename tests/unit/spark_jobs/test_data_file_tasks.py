"""Data files that tasks write, without Spark, and read back by another reader of Delta."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from include.lake.tables import TABLES
from include.lake.writing import arrow_schema
from include.market.events import BookChange, Message, Trade
from include.market.wire import encode
from spark_jobs import data_files
from spark_jobs.data_files import DataFile, local_folder, tasks_can_write, write_data_files

AT = datetime(2026, 4, 20, tzinfo=UTC)
US = int(AT.timestamp()) * 1_000_000
Task = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]


def trade(number: int, *, symbol: str = "BTC-USD") -> Message:
    event = Trade(str(number), D(100 + number), D(2), "buy", US + number)
    return Message("gemini", symbol, "trade", "c", (number, number), US, US, (event,))


def book(number: int) -> Message:
    change = BookChange("bid", D(100 + number), D(1))
    return Message("gemini", "BTC-USD", "book", "c", (number, number), US, US, (change, change))


def records(
    *messages: Message | bytes, topics: tuple[str, ...] = (), first: int = 0
) -> pa.RecordBatch:
    """A batch of records from an offset on, each on the topic of its message or the one given."""
    of_kind = {"trade": "market.trades", "book": "market.book"}
    named = topics or [of_kind[m.kind] for m in messages if isinstance(m, Message)]
    values = [m if isinstance(m, bytes) else encode(m) for m in messages]
    return pa.record_batch(
        {
            "unused": pa.array([None] * len(values)),
            "topic": pa.array(named, pa.string()),
            "partition": pa.array([0] * len(values), pa.int32()),
            "offset": pa.array(range(first, first + len(values)), pa.int64()),
            "timestamp": pa.array([AT] * len(values), pa.timestamp("us", "UTC")),
            "value": pa.array(values, pa.binary()),
        }
    )


class Records:
    """What is used of a DataFrame: each task gets its batches."""

    def __init__(self, *tasks: list[pa.RecordBatch]) -> None:
        self.tasks, self.rows = tasks, []  # type: ignore[var-annotated]

    def select(self, *names: str) -> "Records":
        return Records(*([batch.select(list(names)) for batch in task] for task in self.tasks))

    def mapInArrow(self, task: Task, schema: str) -> "Records":
        assert schema == "topic string, action string"
        for batches in self.tasks:
            self.rows += [row for out in task(iter(batches)) for row in out.to_pylist()]
        return self

    def collect(self) -> list[dict[str, Any]]:
        return self.rows


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    for name in ("trades", "book_changes"):
        DeltaTable.create(f"{tmp_path}/{name}", arrow_schema(TABLES[name]))
    return tmp_path


def write(lake: Path, *tasks: list[pa.RecordBatch]) -> dict[str, list[str]]:
    frame: Any = Records(*tasks)
    return write_data_files(frame, str(lake), variables={})


def read(lake: Path, name: str, actions: list[str]) -> list[dict[str, Any]]:
    """The rows of a table that has these actions in its second commit."""
    (lake / name / "_delta_log" / f"{1:020}.json").write_text("\n".join(actions))
    table = DeltaTable(f"{lake}/{name}")
    assert table.version() == 1
    return sorted(
        table.to_pyarrow_table().to_pylist(), key=lambda row: (row["offset"], row["event_index"])
    )


def test_each_task_leaves_a_file_a_topic_and_the_actions_add_every_row_once(lake: Path) -> None:
    mixed, later = records(trade(1), book(2), trade(3)), records(trade(5), first=9)
    actions = write(lake, [mixed, later], [records(trade(4), first=7)])
    assert {topic: len(of_topic) for topic, of_topic in actions.items()} == {
        "market.trades": 2,
        "market.book": 1,
    }
    trades = read(lake, "trades", actions["market.trades"])
    assert [(row["offset"], row["trade_id"], row["price"]) for row in trades] == [
        (0, "1", 101),
        (2, "3", 103),
        (7, "4", 104),
        (9, "5", 105),
    ]
    changes = read(lake, "book_changes", actions["market.book"])
    assert [(row["offset"], row["event_index"]) for row in changes] == [(1, 0), (1, 1)]
    assert len(list(lake.glob("*/part-*.zstd.parquet"))) == 3


def test_a_topic_with_a_record_that_is_not_well_formed_adds_nothing(lake: Path) -> None:
    junk = records(b"{junk", topics=("market.trades",))
    sound = records(trade(1), book(2))
    for tasks in ([[sound, junk, sound]], [[sound], [junk]], [[junk, sound]]):
        actions = write(lake, *tasks)
        assert list(actions) == ["market.book"]


def test_an_action_has_what_deltas_protocol_asks_of_an_added_file(
    lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_files.time, "time", lambda: 1_776_643_200.25)
    (action,) = write(lake, [records(trade(1), trade(3, symbol="ETH-USD"))])["market.trades"]
    add = json.loads(action)["add"]
    file = lake / "trades" / add["path"]
    statistics = json.loads(add.pop("stats"))
    assert add == {
        "path": file.name,
        "partitionValues": {},
        "size": file.stat().st_size,
        "modificationTime": 1_776_643_200_250,
        "dataChange": True,
    }
    assert statistics["numRecords"] == 2
    assert (statistics["minValues"]["symbol"], statistics["maxValues"]["symbol"]) == (
        "BTC-USD",
        "ETH-USD",
    )
    assert statistics["minValues"]["received_time"] == "2026-04-20T00:00:00.000000Z"
    assert statistics["maxValues"]["offset"] == 1
    assert "price" not in statistics["minValues"]


def test_many_rows_are_written_in_groups_as_they_come(
    lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_files, "ROWS_A_GROUP", 3)
    file = DataFile(str(lake), TABLES["trades"])
    for batch in (records(trade(1), trade(2)), records(trade(3), trade(4)), records(trade(5))):
        assert file.add(batch)
    add = json.loads(file.close())["add"]
    written = pa.parquet.ParquetFile(lake / "trades" / add["path"])
    groups = [written.metadata.row_group(n).num_rows for n in range(written.num_row_groups)]
    assert groups == [3, 1, 1]
    assert written.metadata.row_group(0).column(0).compression == "ZSTD"
    assert written.read()["trade_id"].to_pylist() == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize(
    ("place", "folder", "can_write"),
    [
        ("/var/lake", "/var/lake", True),
        ("file:///var/lake", "/var/lake", True),
        ("s3a://bucket/lake", None, True),
        ("hdfs://host/lake", None, False),
    ],
)
def test_tasks_write_to_folders_and_object_stores(
    place: str, folder: str | None, can_write: bool
) -> None:
    assert (local_folder(place), tasks_can_write(place)) == (folder, can_write)
