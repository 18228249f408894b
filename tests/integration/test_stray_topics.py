"""A broker that lost its metadata sets its topics aside; their messages come back."""

import shutil
from pathlib import Path

from kafka import KafkaAdminClient, KafkaProducer
from kafka import TopicPartition as KafkaPartition

from include.bus import ensure_topics, offset_ranges, topic_ids
from include.lake.epoch import Epoch, read_epoch, write_epoch
from include.lake.tables import LANDED_TOPICS
from include.lake.topic_changes import KafkaTopics
from include.local import kafka
from include.local.kafka_folders import bring_back, find_strays
from include.local.kafka_topics import read_topic_folders
from include.local.scratch import free_ports, run_in_background, wait_for
from include.market.wire import TopicPartition
from include.settings import Settings, load

TRADES, QUOTES = "market.trades", "market.quotes"
PART = TopicPartition(TRADES, 0)


def send(settings: Settings, topic: str, count: int) -> None:
    producer = KafkaProducer(bootstrap_servers=settings.bootstrap)
    for number in range(count):
        producer.send(topic, b"%d" % number)
    producer.flush()
    producer.close()


def remove_until(settings: Settings, offset: int) -> None:
    admin = KafkaAdminClient(bootstrap_servers=settings.bootstrap)
    admin.delete_records({KafkaPartition(*PART): offset})
    admin.close()


def started(settings: Settings) -> Settings:
    wait_for(lambda: kafka.answers(settings), "broker")
    ensure_topics(settings.bootstrap)
    return settings


def test_topics_that_the_broker_set_aside_come_back_with_their_offsets(tmp_path: Path) -> None:
    ports = free_ports(2)
    settings = load(
        {
            "TICKHOUSE_VAR": str(tmp_path),
            "TICKHOUSE_PORTS_KAFKA": ports[0],
            "TICKHOUSE_PORTS_KAFKA_CONTROLLER": ports[1],
        }
    )
    kafka.prepare(settings)
    marker = settings.home / "checkpoints" / "land" / "epoch.json"
    marker.parent.mkdir(parents=True)
    with run_in_background(kafka.build_command(settings)):
        started(settings)
        send(settings, TRADES, 50)
        send(settings, QUOTES, 7)
        old_ids = topic_ids(settings.bootstrap, [TRADES])
        write_epoch(marker, Epoch(starts={PART: 0}, topic_ids=old_ids))
        ranges = offset_ranges(settings.bootstrap, LANDED_TOPICS)
        ids = topic_ids(settings.bootstrap, LANDED_TOPICS)
        remove_until(settings, 20)
    assert find_strays(settings) == []
    assert read_topic_folders(settings.home / "kafka" / "log") == KafkaTopics(
        ranges | {PART: (20, 50)}, ids
    )
    shutil.rmtree(settings.home / "kafka" / "log" / "__cluster_metadata-0")
    with run_in_background(kafka.build_command(settings)):
        started(settings)
        assert offset_ranges(settings.bootstrap, [TRADES])[PART] == (0, 0)
        send(settings, TRADES, 3)  # feeds went on; the lake has read the lost topic
        send(settings, QUOTES, 2)  # here nothing says that the new topic may be given up
    strays = find_strays(settings)
    assert [stray.partition for stray in strays] == [PART]
    bring_back(settings, strays, tmp_path / "aside")
    with run_in_background(kafka.build_command(settings)):
        started(settings)
        assert offset_ranges(settings.bootstrap, [TRADES])[PART] == (0, 50)
        new_ids = topic_ids(settings.bootstrap, [TRADES])
        send(settings, TRADES, 1)
        assert offset_ranges(settings.bootstrap, [TRADES])[PART] == (0, 51)
    epoch = read_epoch(marker)
    assert epoch is not None and epoch.topic_ids == new_ids != old_ids
    assert find_strays(settings) == []
    assert (tmp_path / "aside" / "market.trades-0").is_dir()
