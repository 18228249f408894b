"""The bus on a real broker: what is sent is there once, through a broker's death as well."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, KafkaProducer
from kafka import TopicPartition as KafkaPartition
from kafka.admin import ConfigResource, ConfigResourceType

from include.bus import (
    Consumer,
    FeedProducer,
    Producer,
    Record,
    TopicPartition,
    connection,
    ensure_topics,
    find_empty_offsets,
    offset_ranges,
)
from include.bus.record_browsing import Beginning, RecordFilter, browse_records, parse_filter
from include.bus.tail import read_tail
from include.errors import PlatformError, Unreachable
from include.local import kafka
from include.local.scratch import scratch_broker
from include.market import wire
from include.market.events import LedgerEntry, Message
from include.settings import Settings
from include.settings.groups import KafkaSettings
from include.unread_records import removed_by_topic
from tests.conftest import make_settings
from tests.support.services import eventually, free_ports, running

PRODUCERS = (Producer, FeedProducer)


@pytest.fixture(scope="module")
def settings() -> Iterator[Settings]:
    """Of a broker that these tests alone change."""
    with scratch_broker() as settings:
        ensure_topics(settings.bootstrap)
        yield settings


def message(number: int) -> Message:
    return Message(
        venue="gemini",
        symbol="BTC-USD",
        kind="ledger",
        conn="c",
        seq=(number, number),
        venue_time=None,
        received_time=number,
        events=(LedgerEntry("gap", f"n{number}"),),
    )


def send(producer: Producer | FeedProducer, number: int) -> None:
    sent = message(number)
    producer.send(wire.choose_topic(sent), wire.encode_key(sent), wire.encode(sent))


def read(consumer: Consumer, count: int) -> list[bytes]:
    values: list[bytes] = []

    def enough() -> bool:
        values.extend(record.value for record in consumer.poll(0.5))
        return len(values) >= count

    eventually(enough, timeout_s=60, what=f"{count} records")
    return values


@pytest.mark.parametrize(
    ("make", "topic"), [(Producer, "trading.scores"), (FeedProducer, "trading.fills")]
)
def test_an_eight_megabyte_record_and_a_small_one_arrive_from_given_offsets(
    kafka_broker: str, make: type[Producer | FeedProducer], topic: str
) -> None:
    ensure_topics(kafka_broker)
    ensure_topics(kafka_broker)
    _, end = offset_ranges(kafka_broker, [topic])[topic, 0]
    producer = make(kafka_broker, client_id="t")
    producer.send(topic, b"k", b"x" * wire.MAX_MESSAGE_BYTES)
    producer.send(topic, b"k", b"small")
    producer.close()
    assert (producer.sent, producer.acknowledged, producer.failed) == (2, 2, 0)
    at_small = {(topic, 0): end + 1}
    for positions, sizes in ((None, [wire.MAX_MESSAGE_BYTES, 5]), (at_small, [5])):
        consumer = Consumer(kafka_broker, topics=[topic], offsets=positions)
        assert [len(value) for value in read(consumer, len(sizes))] == sizes
        assert consumer.offsets == {(topic, 0): end + 2}
        consumer.close()


def test_settings_reach_topics_that_exist_or_are_refused() -> None:
    with scratch_broker() as settings:
        ensure_topics(settings.bootstrap, KafkaSettings(partitions=2))
        shorter = KafkaSettings(partitions=2, retention_hours=1, retention_mb=8)
        ensure_topics(settings.bootstrap, shorter)
        ensure_topics(settings.bootstrap, shorter)
        admin = KafkaAdminClient(bootstrap_servers=settings.bootstrap)
        names = ["retention.ms", "retention.bytes", "segment.bytes"]
        topic = ConfigResource(ConfigResourceType.TOPIC, "market.book", names)
        (config,) = admin.describe_configs([topic])["topic"].values()
        admin.close()
        assert [config[name]["value"] for name in names] == ["3600000", "8000000", "2000000"]
        for partitions in (1, 3):
            with pytest.raises(PlatformError, match=rf"has 2 .*PARTITIONS is {partitions}"):
                ensure_topics(settings.bootstrap, KafkaSettings(partitions=partitions))
        numbers = {at.partition for at in offset_ranges(settings.bootstrap, ["market.book"])}
        assert numbers == {0, 1}


def test_a_recreated_topic_is_read_from_its_beginning_however_long_it_is(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its end is beyond what was read of the one before: only its id tells them apart."""
    monkeypatch.setattr(connection, "METADATA_AGE_MS", 300)
    topic = "market.tickers"
    send_all(settings.bootstrap, topic, [b"old %d" % n for n in range(3)])
    consumer = Consumer(settings.bootstrap, topics=[topic])
    assert len(read(consumer, 3)) == 3
    offsets, ids = consumer.offsets, consumer.topic_ids
    admin = KafkaAdminClient(bootstrap_servers=settings.bootstrap)
    admin.delete_topics([topic])
    eventually(lambda: topic not in admin.list_topics(), what="the topic is gone")
    admin.close()
    ensure_topics(settings.bootstrap)
    new = [b"new %d" % n for n in range(8)]
    send_all(settings.bootstrap, topic, new)
    values: list[bytes] = []

    def is_read() -> bool:
        values.extend(record.value for record in consumer.poll(0.1))
        return values[-8:] == new

    eventually(is_read, what="all of the new topic")
    assert {part.topic for part in consumer.restarted} == {topic}
    assert consumer.topic_ids != ids
    consumer.close()
    later = Consumer(settings.bootstrap, topics=[topic], offsets=offsets, topic_ids=ids)
    assert read(later, 8) == new
    later.close()


def test_partitions_that_a_topic_gets_later_and_aborted_records(settings: Settings) -> None:
    topic = "market.book"
    plain = KafkaProducer(bootstrap_servers=settings.bootstrap)
    plain.send(topic, b"first", partition=0)
    plain.flush()
    consumer = Consumer(settings.bootstrap, topics=[topic])
    assert read(consumer, 1) == [b"first"]
    transactional = KafkaProducer(bootstrap_servers=settings.bootstrap, transactional_id="t")
    transactional.init_transactions()
    for value, ends in ((b"aborted", transactional.abort_transaction), (b"second", None)):
        transactional.begin_transaction()
        transactional.send(topic, value, partition=0)
        transactional.flush()
        (ends or transactional.commit_transaction)()
    transactional.close()
    assert read(consumer, 1) == [b"second"]
    # first, aborted and its marker, second and its marker
    spans = {TopicPartition(topic, 0): [(0, 3), (3, 5)]}
    assert find_empty_offsets(settings.bootstrap, spans) == {
        TopicPartition(topic, 0): [(1, 3), (4, 5)]
    }
    # a marker is the end of the partition now: every reader gets there
    end = {TopicPartition(topic, 0): 5}
    eventually(lambda: not consumer.poll(0.1) and consumer.offsets == end, what="the end")
    assert consumer.skipped == 3
    values = [one.value for one in read_tail(settings.bootstrap, [topic], record_count=9)]
    assert values == [b"first", b"second"]
    all_of_them = RecordFilter({}, ())
    browsed = browse_records(settings.bootstrap, topic, Beginning(), record_filter=all_of_them)
    assert [one.value for one in browsed] == values
    first = parse_filter(["text=first"])
    for beginning, passing in ((Beginning(1), []), (Beginning(1, searched=9), values[:1])):
        browsed = browse_records(settings.bootstrap, topic, beginning, record_filter=first)
        assert [one.value for one in browsed] == passing
    newest = browse_records(
        settings.bootstrap, topic, Beginning(1, searched=9), record_filter=all_of_them
    )
    assert [one.value for one in newest] == values[1:]
    admin = KafkaAdminClient(bootstrap_servers=settings.bootstrap)
    admin.create_partitions({topic: 3})
    admin.close()
    plain.close()
    later = KafkaProducer(bootstrap_servers=settings.bootstrap)
    eventually(lambda: len(later.partitions_for(topic)) == 3, what="three partitions")
    for partition in (1, 2):
        later.send(topic, b"%d" % partition, partition=partition)
    later.flush()
    later.close()
    assert sorted(read(consumer, 2)) == [b"1", b"2"]
    assert {part.partition for part in consumer.offsets} == {0, 1, 2}
    consumer.close()


def send_all(bootstrap: str, topic: str, values: list[bytes]) -> None:
    producer = KafkaProducer(bootstrap_servers=bootstrap)
    for value in values:
        producer.send(topic, value, partition=0)
    producer.flush()
    producer.close()


def test_a_missing_topic_and_a_missing_broker_are_said(kafka_broker: str) -> None:
    with pytest.raises(Unreachable, match=r"no topic market\.nonsense"):
        Consumer(kafka_broker, topics=["market.nonsense"])


def test_both_producers_give_a_key_the_same_partition() -> None:
    with scratch_broker() as settings:
        ensure_topics(settings.bootstrap, KafkaSettings(partitions=5))
        keys = [f"{venue}|COIN{number}-USD".encode() for venue in "ab" for number in range(20)]
        for make in PRODUCERS:
            producer = make(settings.bootstrap, client_id="t")
            for key in keys:
                producer.send("market.trades", key, b"v")
            producer.close()
        consumer, found = Consumer(settings.bootstrap, topics=["market.trades"]), []

        def all_read() -> bool:
            found.extend((record.key, record.partition) for record in consumer.poll(0.5))
            return len(found) >= 2 * len(keys)

        eventually(all_read, timeout_s=60, what="the records of both")
        consumer.close()
        assert len(set(found)) == len(keys) and len({partition for _, partition in found}) == 5


@pytest.mark.parametrize("make", PRODUCERS)
def test_a_broker_killed_and_restarted_loses_and_doubles_nothing(
    tmp_path: Path, make: type[Producer | FeedProducer]
) -> None:
    settings = make_settings(tmp_path / "var")
    kafka.prepare(settings)
    log = tmp_path / "broker.log"

    def started(process: subprocess.Popen[bytes]) -> subprocess.Popen[bytes]:
        eventually(lambda: kafka.answers(settings), what="the broker answers")
        return process

    with running(kafka.build_command(settings), log=log) as first:
        started(first)
        ensure_topics(settings.bootstrap)
        producer = make(settings.bootstrap, client_id="t")
        consumer = Consumer(settings.bootstrap, topics=["market.ledger"])
        for number in range(500):
            send(producer, number)
        values = read(consumer, 1)
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        for number in range(500, 1000):
            send(producer, number)
    with running(kafka.build_command(settings), log=log) as second:
        started(second)
        producer.flush(60)
        values += read(consumer, 1000 - len(values))
        numbers = [wire.decode(value).received_time for value in values]
        assert numbers == list(range(1000))
        assert (producer.acknowledged, producer.failed) == (1000, 0)
        producer.close()
        consumer.close()


def test_no_broker_at_all_is_unreachable() -> None:
    port = free_ports(1)[0]
    with pytest.raises(Unreachable, match="does not answer"):
        offset_ranges(f"127.0.0.1:{port}", ["market.book"])


def test_what_retention_removed_before_it_was_read_is_reported(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """While the reader runs, and where it goes on; the removed records may be all there were."""
    part, at = TopicPartition("market.book", 0), KafkaPartition("market.book", 0)
    already = removed_by_topic[part.topic]
    with scratch_broker() as settings:
        ensure_topics(settings.bootstrap)
        producer = KafkaProducer(bootstrap_servers=settings.bootstrap)
        admin = KafkaAdminClient(bootstrap_servers=settings.bootstrap)
        running = Consumer(settings.bootstrap, topics=[part.topic])
        for number in range(6):
            producer.send(part.topic, b"%d" % number, partition=0)
            producer.flush()
            if number == 0:
                assert read(running, 1) == [b"0"]
                running._consumer.pause(at)  # it is slow
        admin.delete_records({at: 4})
        running._consumer.resume(at)
        later = Consumer(settings.bootstrap, topics=[part.topic], offsets={part: 2})
        for consumer, count in ((running, 3), (later, 2)):
            caplog.clear()
            assert read(consumer, 2) == [b"4", b"5"]
            assert (consumer.removed, consumer.skipped) == (count, count)
            reported = f"topic=market.book partition=0 first={4 - count} last=3 remedy="
            assert reported in caplog.text
        admin.delete_records({at: 6})
        emptied = Consumer(settings.bootstrap, topics=[part.topic], offsets={part: 1})
        eventually(
            lambda: not emptied.poll(0.1) and emptied.offsets[part] == 6, what="the emptied end"
        )
        assert emptied.removed == 5
        assert removed_by_topic[part.topic] == already + 10
        producer.close()
        admin.close()


@pytest.mark.parametrize("wrong_by_s", [-40 * 365 * 86_400, -2 * 86_400, 7200, 70 * 365 * 86_400])
def test_the_brokers_clock_counts_where_a_senders_is_wrong(
    settings: Settings, wrong_by_s: int
) -> None:
    """Kafka refuses a sender's stamp of more than an hour ahead, and keeps any other."""
    part = TopicPartition("market.trades", 0)
    consumer = Consumer(settings.bootstrap, topics=[part.topic], from_end=True)
    producer = KafkaProducer(bootstrap_servers=settings.bootstrap)
    before_ms = int(time.time() * 1000)
    wrong_ms = max(0, before_ms + wrong_by_s * 1000)
    producer.send(part.topic, b"x", timestamp_ms=wrong_ms, partition=0).get(timeout=20)
    producer.close()
    records: list[Record] = []
    eventually(lambda: records.extend(consumer.poll(0.2)) or records, what="the record")
    consumer.close()
    assert before_ms <= records[0].kafka_time_ms <= time.time() * 1000
