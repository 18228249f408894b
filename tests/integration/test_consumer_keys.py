"""A reader of keys: it reads their partitions alone, wherever a producer puts their records."""

from contextlib import closing

import pytest
from kafka import KafkaAdminClient, KafkaProducer

from include.bus import Consumer, FeedProducer, Producer
from include.bus.connection import partition_of_key
from include.market.wire import TopicPartition
from tests.support.services import eventually

KEYS = [f"venue{number}|BTC-USD".encode() for number in range(12)]
OWN = KEYS[3]


def make_topic(kafka_broker: str, topic: str, partitions: int) -> None:
    from kafka.admin import NewTopic

    admin = KafkaAdminClient(bootstrap_servers=kafka_broker)
    admin.create_topics([NewTopic(topic, partitions, 1)])
    admin.close()


def read_keys(consumer: Consumer, value: bytes) -> list[bytes]:
    """The keys of what is read until the record of that value of the reader's own key."""
    keys: list[bytes] = []
    is_over: list[bool] = []

    def read() -> bool:
        for record in consumer.poll(0.5):
            keys.append(record.key)
            is_over.extend([True] if (record.key, record.value) == (OWN, value) else [])
        return bool(is_over)

    eventually(read, timeout_s=60, what=f"the record {value!r}")
    return keys


@pytest.mark.parametrize("make", [Producer, FeedProducer, KafkaProducer])
def test_a_key_is_where_its_reader_looks_whoever_sent_it(kafka_broker: str, make: object) -> None:
    topic = f"keys-{getattr(make, '__name__', '')}"
    make_topic(kafka_broker, topic, 5)
    if make is KafkaProducer:
        bare = KafkaProducer(bootstrap_servers=kafka_broker)
        for number in range(24):
            bare.send(topic, key=KEYS[number % 12], value=b"%d" % (number // 12))
        bare.close()
    else:
        with closing(make(kafka_broker, client_id="keys")) as producer:  # type: ignore[operator]
            for number in range(24):
                producer.send(topic, KEYS[number % 12], b"%d" % (number // 12))
            producer.flush()
    consumer = Consumer(kafka_broker, topics=[topic], keys={topic: [OWN]})
    try:
        own = TopicPartition(topic, partition_of_key(OWN, 5))
        assert set(consumer.offsets) == {own}
        keys = read_keys(consumer, b"1")
        assert keys.count(OWN) == 2
        assert set(keys) == {key for key in KEYS if partition_of_key(key, 5) == own.partition}
        assert len(set(keys)) < len(KEYS)
    finally:
        consumer.close()


def test_what_was_sent_before_there_were_more_partitions_is_read_too(kafka_broker: str) -> None:
    topic = "grows"
    make_topic(kafka_broker, topic, 2)
    bare = KafkaProducer(bootstrap_servers=kafka_broker)
    bare.send(topic, key=OWN, value=b"before").get(30)
    consumer = Consumer(kafka_broker, topics=[topic], keys={topic: [OWN]})
    first = set(consumer.offsets)
    read_keys(consumer, b"before")
    stopped_at = consumer.offsets
    bare.send(topic, key=OWN, value=b"just before").get(30)
    bare.close()
    admin = KafkaAdminClient(bootstrap_servers=kafka_broker)
    count = next(n for n in range(3, 20) if partition_of_key(OWN, n) >= 2)
    admin.create_partitions({topic: count})
    admin.close()
    bare = KafkaProducer(bootstrap_servers=kafka_broker)
    eventually(lambda: len(bare.partitions_for(topic)) == count, what="the new partitions")
    bare.send(topic, key=OWN, value=b"after").get(30)
    restarted = Consumer(kafka_broker, topics=[topic], offsets=stopped_at, keys={topic: [OWN]})
    for reader in (consumer, restarted):
        keys = read_keys(reader, b"after")
        eventually(lambda: reader.offsets[next(iter(first))] == 2, what="what was sent before")  # noqa: B023
        assert set(keys) == {OWN}
        new = TopicPartition(topic, partition_of_key(OWN, count))
        assert set(reader.offsets) == {*first, new}
        reader.close()
    bare.close()
