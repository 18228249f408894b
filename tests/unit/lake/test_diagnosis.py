"""What a restart of each query would do, in offsets counted by hand."""

import json
from pathlib import Path

import pytest
from deltalake import CommitProperties, Transaction, write_deltalake

from include.lake.diagnosis import QUERIES, Diagnosis, diagnose_queries
from include.lake.tables import TABLES
from include.lake.topic_changes import KafkaTopics, read_reach
from include.lake.watermarks import application_id
from include.lake.writing import arrow_rows
from include.market.wire import OffsetRanges, TopicPartition

QUOTES = TopicPartition("market.quotes", 0), TopicPartition("market.quotes", 1)
HEAD = 'v1\n{"batchWatermarkMs":0}\n'


def plan(store: Path, query: str, *ends: tuple[int, int], committed: int) -> Path:
    """A checkpoint whose batches end at these offsets of the two partitions."""
    stream = store / "checkpoints" / query / "stream"
    for name in ("offsets", "commits", "windows"):
        (stream / name).mkdir(parents=True)
    for batch, (first, second) in enumerate(ends):
        text = json.dumps({"market.quotes": {"0": first, "1": second}})
        (stream / "offsets" / str(batch)).write_text(HEAD + text)
        (stream / "windows" / str(batch)).write_text("{}")
        if batch <= committed:
            (stream / "commits" / str(batch)).write_text('v1\n{"nextBatchWatermarkMs":0}')
    (stream / "metadata").write_text('{"id":"0598242f"}')
    epoch = {"starts": {"market.quotes/0": 0}, "topic_ids": {"market.quotes": "id-1"}}
    (stream.parent / "epoch.json").write_text(json.dumps(epoch))
    return stream


def land(store: Path, *ends: int) -> None:
    moved = [
        Transaction(application_id(part), end) for part, end in zip(QUOTES, ends, strict=False)
    ]
    write_deltalake(
        str(store / "lake" / "quotes"),
        arrow_rows(TABLES["quotes"], []),
        mode="append",
        commit_properties=CommitProperties(app_transactions=moved),
    )


def diagnose(store: Path, query: str, *ranges: tuple[int, int], topic_id: str = "") -> Diagnosis:
    in_kafka: OffsetRanges = dict(zip(QUOTES, ranges, strict=True))
    ids = {"market.quotes": topic_id} if topic_id else {}
    reach = read_reach(store, str(store / "lake"), in_kafka)
    diagnoses = diagnose_queries(store, reach, KafkaTopics(in_kafka, ids))
    assert tuple(one.query for one in diagnoses) == QUERIES
    return diagnoses[QUERIES.index(query)]


def test_an_uncommitted_batch_is_read_again_and_then_what_is_new(tmp_path: Path) -> None:
    plan(tmp_path, "signals", (10, 20), (14, 21), committed=0)
    found = diagnose(tmp_path, "signals", (0, 19), (5, 21))
    assert found == Diagnosis("signals", "intact", "", 1, replayed=4 + 1, waiting=5, lost=0)
    assert found.sentence() == (
        "resumes at batch 1, reads 5 offsets of an uncommitted batch again, then 5 new ones"
    )


def test_after_a_committed_batch_the_next_one_begins(tmp_path: Path) -> None:
    plan(tmp_path, "land", (10, 20), (14, 21), committed=1)
    found = diagnose(tmp_path, "land", (3, 15), (0, 24))
    assert found == Diagnosis("land", "intact", "", 2, replayed=0, waiting=1 + 3, lost=0)


def test_a_first_batch_that_was_not_committed_is_read_from_kafkas_beginning(tmp_path: Path) -> None:
    plan(tmp_path, "measures", (10, 20), committed=-1)
    found = diagnose(tmp_path, "measures", (7, 10), (0, 20))
    assert (found.state, found.batch, found.replayed, found.waiting) == ("intact", 0, 3 + 20, 0)


def test_what_kafka_removed_before_it_was_read_is_counted_and_named(tmp_path: Path) -> None:
    plan(tmp_path, "averages", (10, 20), committed=0)
    found = diagnose(tmp_path, "averages", (13, 30), (20, 30))
    assert (found.state, found.batch, found.lost) == ("lost_offsets", None, 3)
    assert found.why.startswith("Kafka has removed offsets 10 to 12 of market.quotes/0, which `av")
    assert found.sentence() == (
        f"refuses to start ({found.why}), LOSES 3 offsets that Kafka has removed before they landed"
    )


def test_a_topic_that_was_recreated_is_refused_by_the_query_that_lands_it(tmp_path: Path) -> None:
    for query in ("land", "signals"):
        plan(tmp_path, query, (10, 20), committed=0)
    found = diagnose(tmp_path, "land", (0, 10), (0, 20), topic_id="id-2")
    assert (found.query, found.state, found.lost) == ("land", "other_topic", 0)
    assert "its id is id-2, the stream has read id-1" in found.sentence()
    assert diagnose(tmp_path, "signals", (0, 10), (0, 20), topic_id="id-2").state == "intact"
    assert diagnose(tmp_path, "land", (0, 10), (0, 20), topic_id="id-1").state == "intact"


def test_without_a_checkpoint_the_tables_tell_what_is_still_to_land(tmp_path: Path) -> None:
    new = diagnose(tmp_path, "land", (5, 15), (0, 20))
    assert new == Diagnosis("land", "new", "", 0, replayed=0, waiting=30, lost=0)
    land(tmp_path, 12, 26)
    lost = diagnose(tmp_path, "land", (5, 15), (0, 30))
    # of the first 7 of 10 offsets have landed, of the second 26 of 30
    why = "the lake has 33 of Kafka's 40 offsets"
    assert lost == Diagnosis("land", "lost", why, 0, replayed=0, waiting=7, lost=0)
    assert diagnose(tmp_path, "signals", (5, 15), (0, 30)).state == "new"
    removed = diagnose(tmp_path, "land", (15, 15), (0, 30))
    assert (removed.waiting, removed.lost) == (4, 3)


@pytest.mark.parametrize("query", QUERIES)
def test_a_damaged_checkpoint_is_the_damage_of_its_query_alone(tmp_path: Path, query: str) -> None:
    for other in QUERIES:
        stream = plan(tmp_path, other, (10, 20), committed=0)
        if other == query:
            (stream / "offsets" / "0").write_text("")
    in_kafka = dict.fromkeys(QUOTES, (0, 20))
    reach = read_reach(tmp_path, str(tmp_path), in_kafka)
    found = {one.query: one for one in diagnose_queries(tmp_path, reach, KafkaTopics(in_kafka, {}))}
    damage = "offsets/0 is empty or cut off"
    assert found[query] == Diagnosis(query, "damaged", damage, None, 0, 0, 0)
    assert found[query].sentence() == f"refuses to start ({damage})"
    assert {one.state for name, one in found.items() if name != query} == {"intact"}
