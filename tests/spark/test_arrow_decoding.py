"""The quick way to rows gives what the careful way gives, or leaves the records to it."""

import io
import json
import random
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from include.lake.columns import Column, Table, event_columns
from include.lake.tables import LANDED, TABLES
from include.lake.watermarks import landed_offsets
from include.market.wire import TopicPartition
from include.settings import Settings
from spark_jobs import landing as landing_module
from spark_jobs.arrow_decoding import decode_rows
from spark_jobs.data_files import delta_statistics, local_folder, write_data_files
from spark_jobs.sinks import create_table, locate_table, statistics_columns
from spark_jobs.transforms.messages import make_rows, parse_messages
from tests.support.kafka_records import AT, RECORD, US, book_message, landing, rows_of, text

Message = dict[str, Any]
DECIMALS = ("0", "-1.5", "9225.25", "0.00000001", "123456789.12345678")
TEXTS = ("", "buy", "with space", "ünï", 'a "quoted" word', "line\nbreak", "{}")

ODD: tuple[Any, ...] = (
    None,
    7,
    1.5,
    "x",
    "",
    "7",
    [],
    {},
    True,
    2**70,
    " 1",
    "1e-3",
    "1e3",
    "NaN",
    "0.12345678901",
    "12345678901234567890",
    "+1",
    "-0",
    1e300,
    "\u0000",
    "\ud83d\ude00",
    [None],
    [1],
)


def value_of(column: Column, chance: random.Random) -> Any:
    if not column.required and chance.random() < 0.3:
        return None
    if column.type.startswith("decimal"):  # a trade of two of the last is worth too much
        return chance.choice(DECIMALS[:-1] if column.name == "quantity" else DECIMALS)
    if column.type == "string":
        return chance.choice(TEXTS)
    return chance.choice((0, -1, 7, 2**40)) if column.type == "bigint" else US + 7


def message_of(table: Table, chance: random.Random) -> Message:
    columns = event_columns(table)
    events = [
        {"type": "x"}
        | {
            column.name: value_of(column, chance)
            for column in columns
            if not column.name.startswith("top_")
        }
        for _ in range(chance.choice((0, 1, 1, 1, 2, 5)))
    ]
    top = {
        column.name[4:]: chance.choice(DECIMALS)
        for column in columns
        if column.name.startswith("top_")
    }
    return {
        "v": 1,
        "venue": "gemini",
        "symbol": "BTC-USD",
        "kind": "k",
        "conn": "c1",
        "seq": chance.choice((None, [5, 6])),
        "venue_time": chance.choice((None, US)),
        "received_time": US + 3,
        "events": events,
        "top": chance.choice((None, top or None)),
    }


def harmed(message: Message, chance: random.Random) -> bytes:
    """The message with one thing about it changed, some of it for the worse."""
    copy: Message = json.loads(json.dumps(message))
    places = [copy, *copy["events"], *([copy["top"]] if copy["top"] else [])]
    place = chance.choice(places)
    name = chance.choice(sorted(place))
    harm: Callable[[], Any] = chance.choice(
        (
            lambda: place.pop(name),
            lambda: place.update({name: chance.choice(ODD)}),
            lambda: place.update({name: chance.choice(ODD)}),
            lambda: place.update({"more": name}),
        )
    )
    harm()
    line = json.dumps(copy, ensure_ascii=chance.random() < 0.5).encode("utf-8", "replace")
    return chance.choice(
        (
            line,
            line,
            line,
            line,
            line + b" ",
            line + b"\n",
            line + line,
            line.replace(b": ", b":\n", 1),
            line[:-1],
            b"\xff" + line,
            line.replace(b'"v": 1', b'"v": 1, "v": 1'),
        )
    )


def batch_of(topic: str, values: Iterable[tuple[int, bytes | None]]) -> pa.RecordBatch:
    rows = list(values)
    return pa.record_batch(
        {
            "topic": pa.array([topic] * len(rows)),
            "partition": pa.array([0] * len(rows), pa.int32()),
            "offset": pa.array([offset for offset, _ in rows], pa.int64()),
            "timestamp": pa.array([AT] * len(rows), pa.timestamp("us", "UTC")),
            "value": pa.array([value for _, value in rows], pa.binary()),
        }
    )


def with_care(spark: SparkSession, table: Table, values: list[bytes | None]) -> list[Message]:
    rows = [(table.topic, 0, n, AT, b"k", value) for n, value in enumerate(values)]
    frame = spark.createDataFrame(rows, RECORD)
    return [row.asDict() for row in make_rows(parse_messages(frame, table), table).collect()]


def comparable(row: Message) -> tuple[Any, ...]:
    return tuple(
        value.replace(tzinfo=UTC) if isinstance(value, datetime) else value
        for value in row.values()
    )


@pytest.mark.parametrize("table", LANDED, ids=lambda table: table.name)
def test_both_ways_give_the_same_rows(spark: SparkSession, table: Table) -> None:
    chance = random.Random(11)
    values: list[bytes | None] = [text(message_of(table, chance)) for _ in range(60)]
    sound = [value for value in values if value and b"\\u" not in value]
    rows = decode_rows(batch_of(str(table.topic), enumerate(sound)), table)
    assert rows is not None and rows.schema.names == list(table.names)
    careful = with_care(spark, table, list(sound))
    assert Counter(map(comparable, rows.to_pylist())) == Counter(map(comparable, careful))


@pytest.mark.parametrize("table", LANDED, ids=lambda table: table.name)
def test_what_the_quick_way_takes_is_what_the_careful_way_gives(
    spark: SparkSession, table: Table
) -> None:
    """Each changed message alone: taken with the same rows, or left."""
    chance = random.Random(table.name)
    values: list[bytes | None] = [harmed(message_of(table, chance), chance) for _ in range(300)]
    values += [None, b"", b" ", b"junk", b"[1,2]", b"{}", b"{}{}", b"null"]
    careful: dict[int, list[tuple[Any, ...]]] = {}
    for row in with_care(spark, table, values):
        careful.setdefault(row["offset"], []).append(comparable(row))
    decoded_count = 0
    for offset, value in enumerate(values):
        rows = decode_rows(batch_of(str(table.topic), [(offset, value)]), table)
        if rows is not None:
            decoded_count += 1
            rows_found = sorted(map(comparable, rows.to_pylist()), key=repr)
            assert rows_found == sorted(careful[offset], key=repr), value
    assert 5 < decoded_count < 200


def test_records_cannot_hide_behind_each_other() -> None:
    """One record of two messages and one of none are as many lines as records."""
    one_message = text(book_message())
    for values in (
        [one_message + one_message, b" "],
        [one_message + b"\n" + one_message, b""],
        [one_message + one_message, b"{"],
        [b'{"v":1', b"}" + one_message],
    ):
        batch = batch_of("market.book", enumerate(values))
        assert decode_rows(batch, TABLES["book_changes"]) is None


@pytest.fixture
def lake(spark: SparkSession, settings: Settings) -> Settings:
    for name in ("book_changes", "trades", "quotes", "quarantine"):
        create_table(spark, settings, TABLES[name])
    return settings


def quote(price: str) -> bytes:
    (event,) = ({"type": "quote", "price": price, "currency": "USD"},)
    return text(book_message(kind="quote", events=[event], top=None, venue="kraken"))


def mixed(spark: SparkSession) -> Any:
    """Sound quotes beside a book topic with one broken record."""
    rows = [("market.quotes", n % 2, n // 2, AT, b"k", quote(f"{n}.5")) for n in range(40)]
    rows += [("market.book", 0, n, AT, b"k", text(book_message())) for n in range(5)]
    return spark.createDataFrame([*rows, ("market.book", 1, 0, AT, b"k", b"junk")], RECORD)


def test_a_batch_goes_both_ways_topic_by_topic(spark: SparkSession, lake: Settings) -> None:
    prices_seen: list[list[Any]] = []
    work = landing(lake)
    work.hooks = {
        "market.quotes": lambda rows: prices_seen.append([r["price"] for r in rows.collect()])
    }
    for _ in range(2):
        work.write(mixed(spark), 0)
    assert len(rows_of(spark, lake, "quotes")) == 40
    assert len(rows_of(spark, lake, "book_changes")) == 10
    assert len(rows_of(spark, lake, "quarantine")) == 1
    assert [len(prices) for prices in prices_seen] == [40, 40]
    parts = [TopicPartition(t, n) for t in ("market.quotes", "market.book") for n in (0, 1)]
    ends = (20, 20, 5, 1)
    assert landed_offsets(lake.lake, parts) == dict(zip(parts, ends, strict=True))


def test_sound_topics_are_not_parsed_with_care(
    spark: SparkSession, lake: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    topics: list[str | None] = []

    def parse(rows: Any, table: Table) -> Any:
        topics.append(table.topic)
        return parse_messages(rows, table)

    monkeypatch.setattr(landing_module, "parse_messages", parse)
    landing(lake).write(mixed(spark), 0)
    assert topics == ["market.book"]


def test_a_commit_of_another_writer_between_two_batches_is_kept(
    spark: SparkSession, lake: Settings
) -> None:
    """As a compaction's process leaves it: the stream has not seen the log's newest version."""
    quotes = mixed(spark).where("topic = 'market.quotes'")
    work = landing(lake)
    work.write(quotes, 0)
    (foreign,) = write_data_files(quotes.where("offset < 3").coalesce(1), lake.lake)[
        "market.quotes"
    ]
    version = DeltaTable(locate_table(lake, "quotes")).version()
    info = json.dumps({"commitInfo": {"timestamp": 1, "operation": "OPTIMIZE"}})
    log = Path(locate_table(lake, "quotes"), "_delta_log", f"{version + 1:020d}.json")
    log.write_text(f"{info}\n{foreign}\n")
    for batch in (1, 1, 2):
        work.write(quotes.withColumn("offset", F.col("offset") + 20 * batch), batch)
    assert DeltaTable(locate_table(lake, "quotes")).version() == version + 3
    assert len(rows_of(spark, lake, "quotes")) == 3 * 40 + 6


def test_files_say_what_their_rows_hold(spark: SparkSession, lake: Settings) -> None:
    actions = write_data_files(mixed(spark).where("topic = 'market.quotes'").coalesce(1), lake.lake)
    (add,) = (json.loads(action)["add"] for action in actions["market.quotes"])
    stats = json.loads(add["stats"])
    file = Path(lake.lake) / "quotes" / add["path"]
    assert (stats["numRecords"], add["size"]) == (40, file.stat().st_size)
    assert (stats["minValues"]["offset"], stats["maxValues"]["offset"]) == (0, 19)
    assert stats["minValues"]["venue"] == stats["maxValues"]["venue"] == "kraken"
    assert stats["minValues"]["received_time"] == "2023-11-14T22:13:20.000005Z"
    assert set(stats["nullCount"]) == set(statistics_columns(TABLES["quotes"]))
    # Delta's readers skip by them: a filter finds its rows, and leaves out files that hold none.
    landing(lake).write(mixed(spark), 0)
    rows = spark.read.format("delta").load(locate_table(lake, "quotes"))
    assert rows.where("offset = 19").count() == 2 and rows.where("offset > 19").count() == 0
    assert rows.where("received_time < '2023-11-14 22:13:20.000005'").count() == 0
    assert rows.where("received_time <= '2023-11-14 22:13:20.000005'").count() == 40


def test_a_long_text_has_no_bounds_and_nulls_are_counted() -> None:
    rows = pa.table({"venue": ["a" * 40, None], "symbol": pa.array([None, None], pa.string())})
    footers: list[Any] = []
    pq.write_table(rows, io.BytesIO(), metadata_collector=footers)
    assert delta_statistics(footers[0], ("venue", "symbol")) == {
        "numRecords": 2,
        "minValues": {},
        "maxValues": {},
        "nullCount": {"venue": 1, "symbol": 2},
    }


def test_an_object_store_is_left_to_spark() -> None:
    assert local_folder("s3a://bucket/lake") is None
    assert local_folder("file:///data/lake") == local_folder("/data/lake") == "/data/lake"
