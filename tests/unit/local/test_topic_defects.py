"""What `up` and `doctor` find in the files of a broker that does not run, and its repair."""

import json
import struct
from pathlib import Path

import pytest
from deltalake import CommitProperties, Transaction, write_deltalake

from include.errors import PlatformError
from include.lake.diagnosis import diagnose_queries
from include.lake.tables import TABLES
from include.lake.topic_changes import KafkaTopics, LakeReach
from include.lake.topic_restarts import RECREATED, REMOVED, read_restarts
from include.lake.watermarks import application_id, landed_offsets
from include.lake.writing import arrow_rows
from include.local import kafka_topics
from include.local.examination import examine, repair_all, repair_what_loses_nothing
from include.local.kafka_topics import read_reach_and_topics, read_topic_folders
from include.market.wire import TopicPartition
from include.settings import Settings
from tests.conftest import make_settings

PART = TopicPartition("market.quotes", 0)
OLD, NEW = "AAAAAAAAAAAAAAAAAAAAAQ", "AAAAAAAAAAAAAAAAAAAAAg"  # ids of topics as Kafka writes them
OLD_ID = "00000000-0000-0000-0000-000000000001"
NEW_ID = "00000000-0000-0000-0000-000000000002"
HEAD = 'v1\n{"batchWatermarkMs":0}\n'


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return make_settings(tmp_path / "var")


def batch(first: int, count: int) -> bytes:
    """The head of a record batch, and some bytes for its records (Kafka's format, version 2)."""
    body = struct.pack(">ibIhi", 0, 2, 0, 0, count - 1) + bytes(60)
    return struct.pack(">qi", first, len(body)) + body


def broker_files(
    settings: Settings, topic_id: str, *, segments: dict[int, bytes], start: int | None = None
) -> Path:
    log = settings.home / "kafka" / "log"
    folder = log / f"{PART.topic}-{PART.partition}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "partition.metadata").write_text(f"version: 0\ntopic_id: {topic_id}")
    for path in folder.glob("*.log"):
        path.unlink()
    for first, content in segments.items():
        (folder / f"{first:020d}.log").write_bytes(content)
    lines = [] if start is None else [f"{PART.topic} {PART.partition} {start}"]
    (log / "log-start-offset-checkpoint").write_text(
        "\n".join(["0", str(len(lines)), *lines]) + "\n"
    )
    return log


def land(settings: Settings, *, end: int) -> None:
    """A table that has landed up to an offset, and the checkpoint of the stream that did it."""
    commit(settings, end=end)
    checkpoint(settings, end=end)


def commit(settings: Settings, *, end: int) -> None:
    write_deltalake(
        f"{settings.lake}/quotes",
        arrow_rows(TABLES["feed_ledger"], []),
        mode="append",
        schema_mode="merge",
        commit_properties=CommitProperties(
            app_transactions=[Transaction(application_id(PART), end)]
        ),
    )


def read(settings: Settings) -> tuple[LakeReach, KafkaTopics]:
    answer = read_reach_and_topics(settings)
    assert answer is not None
    return answer


def checkpoint(settings: Settings, *, end: int) -> Path:
    stream = settings.home / "checkpoints" / "land" / "stream"
    for name in ("offsets", "commits"):
        (stream / name).mkdir(parents=True)
    (stream / "offsets" / "0").write_text(HEAD + json.dumps({PART.topic: {"0": end}}))
    (stream / "commits" / "0").write_text('v1\n{"nextBatchWatermarkMs":0}')
    (stream / "metadata").write_text('{"id":"0598242f"}')
    epoch = {"starts": {f"{PART.topic}/0": 0}, "topic_ids": {PART.topic: OLD_ID}}
    (stream.parent / "epoch.json").write_text(json.dumps(epoch))
    return stream


def test_the_folders_say_where_topics_begin_and_end(settings: Settings) -> None:
    log = broker_files(settings, OLD, segments={0: batch(0, 4), 4: batch(4, 2) + batch(6, 3)})
    topics = read_topic_folders(log)
    assert topics is not None
    assert (topics.ranges, topics.ids) == ({PART: (0, 9)}, {PART.topic: OLD_ID})
    broker_files(settings, OLD, segments={4: batch(4, 2) + batch(6, 3)[:-1]}, start=5)
    assert read_topic_folders(log).ranges == {PART: (5, 6)}  # type: ignore[union-attr]
    broker_files(settings, OLD, segments={7: b""}, start=7)
    assert read_topic_folders(log).ranges == {PART: (7, 7)}  # type: ignore[union-attr]
    assert read_topic_folders(log / "nowhere") is None


def test_an_index_spares_the_batches_before_it(settings: Settings) -> None:
    content = b"\xff" * 100 + batch(8, 2)  # what the index passes over is not looked at
    log = broker_files(settings, OLD, segments={0: content})
    index = log / "market.quotes-0" / f"{0:020d}.index"
    index.write_bytes(struct.pack(">ii", 7, 100) + bytes(8000))
    assert read_topic_folders(log).ranges == {PART: (0, 10)}  # type: ignore[union-attr]


def test_a_topic_that_goes_on_is_no_defect(settings: Settings) -> None:
    land(settings, end=9)
    broker_files(settings, OLD, segments={0: batch(0, 12)})
    assert examine(settings) == []


@pytest.mark.parametrize("count", [3, 9, 20])
def test_a_topic_created_anew_keeps_up_back_until_doctor_accepts_it(
    settings: Settings, count: int
) -> None:
    land(settings, end=9)
    broker_files(settings, NEW, segments={0: batch(0, count)})
    sentence = r"topic market\.quotes/0: market\.quotes/0 was recreated .*doctor --repair goes"
    with pytest.raises(PlatformError, match=sentence):
        repair_what_loses_nothing(settings, print_line=lambda _: None)
    topics = read_topic_folders(settings.home / "kafka" / "log")
    assert topics is not None
    told = diagnose_queries(settings.home, *read(settings))[0]
    assert told.state == "other_topic"
    assert told.sentence().startswith("refuses to start (topic market.quotes was recreated")
    assert repair_all(settings, print_line=lambda _: None) == []
    (restart,) = read_restarts(settings.lake)
    assert (restart.cause, restart.topic_id, restart.offset) == (RECREATED, NEW_ID, 9)
    assert landed_offsets(settings.lake, [PART]) == {PART: 0}
    assert not (settings.home / "checkpoints" / "land" / "stream").exists()
    repair_what_loses_nothing(settings, print_line=lambda _: None)


def test_retention_that_overtook_the_stream_is_told_alike_and_accepted(settings: Settings) -> None:
    land(settings, end=9)
    broker_files(settings, OLD, segments={0: batch(0, 20)}, start=15)
    topics = read_topic_folders(settings.home / "kafka" / "log")
    assert topics is not None
    told = diagnose_queries(settings.home, *read(settings))[0]
    assert (told.state, told.lost) == ("lost_offsets", 6)
    assert "refuses to start (Kafka has removed offsets 9 to 14 of market.quotes/0" in (
        told.sentence()
    )
    with pytest.raises(PlatformError, match=r"market\.quotes/0 goes on at 15; 9 to 14 are lost"):
        repair_what_loses_nothing(settings, print_line=lambda _: None)
    assert repair_all(settings, print_line=lambda _: None) == []
    (restart,) = read_restarts(settings.lake)
    assert (restart.cause, restart.lost_from, restart.offset) == (REMOVED, 9, 15)
    assert landed_offsets(settings.lake, [PART]) == {PART: 15}
    told = diagnose_queries(settings.home, *read(settings))[0]
    assert (told.state, told.lost, told.waiting) == ("lost", 0, 5)


def test_a_checkpoint_behind_what_has_landed_loses_nothing(settings: Settings) -> None:
    """The tables have what Kafka removed: only the checkpoint had yet to say so."""
    land(settings, end=9)
    broker_files(settings, OLD, segments={0: batch(0, 20)}, start=9)
    stream = settings.home / "checkpoints" / "land" / "stream"
    (stream / "offsets" / "0").write_text(HEAD + json.dumps({PART.topic: {"0": 5}}))
    repair_what_loses_nothing(settings, print_line=lambda _: None)
    assert not stream.exists()
    assert list(read_restarts(settings.lake)) == []


def test_a_repair_that_was_cut_short_is_completed(settings: Settings) -> None:
    land(settings, end=9)
    broker_files(settings, NEW, segments={0: batch(0, 20)})
    assert repair_all(settings, print_line=lambda _: None) == []
    stream = checkpoint(settings, end=9)  # as if it had not been moved away
    repair_what_loses_nothing(settings, print_line=lambda _: None)
    assert not stream.exists()
    assert len(list(read_restarts(settings.lake))) == 1


def test_what_lands_between_two_questions_is_no_lost_end(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`doctor` beside a running stream: the lake is read first, and the topics after it."""
    broker_files(settings, OLD, segments={0: batch(0, 10)})
    land(settings, end=10)
    ask = kafka_topics.read_topics

    def read_topics(settings: Settings) -> KafkaTopics | None:
        answer = ask(settings)
        if not (settings.home / "more").exists():  # eleven arrives and lands behind the answer
            (settings.home / "more").touch()
            broker_files(settings, OLD, segments={0: batch(0, 11)})
            commit(settings, end=11)
        return answer

    monkeypatch.setattr(kafka_topics, "read_topics", read_topics)
    assert [defect.sentence for defect in examine(settings)] == []
    (settings.home / "more").unlink()
    assert diagnose_queries(settings.home, *read(settings))[0].state == "intact"
