"""Kafka with TLS and a log-in, by settings alone: topics, both producers, a consumer, Spark."""

from dataclasses import replace
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from include.bus import Consumer, FeedProducer, Producer, Record, ensure_topics
from include.errors import Unreachable
from include.market import wire
from include.setting_fields import Secret
from include.settings.brokers import Brokers
from spark_jobs.kafka_options import kafka_options
from tests.support.kafka_records import book_message, text
from tests.support.secure_broker import make_authority, secure_broker
from tests.support.services import eventually

TOPIC = "market.book"


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_every_client_talks_to_it_and_a_wrong_password_is_said(
    spark: SparkSession, mechanism: str
) -> None:
    with secure_broker(mechanism) as settings:
        brokers = settings.bootstrap
        ensure_topics(brokers, settings.kafka)
        message = wire.decode(text(book_message()))
        producer = Producer(brokers, client_id="test")
        producer.publish(message)
        producer.close()
        feed = FeedProducer(brokers, client_id="test", topics=[TOPIC])
        feed.send(TOPIC, wire.encode_key(message), wire.encode(message))
        feed.close()
        consumer = Consumer(brokers, topics=[TOPIC])
        records: list[Record] = []
        eventually(lambda: records.extend(consumer.poll(0.5)) or len(records) >= 2, timeout_s=30)
        records += consumer.poll(1.0)  # there is no third
        consumer.close()
        assert [record.value for record in records] == [wire.encode(message)] * 2
        options = kafka_options(brokers) | {"subscribe": TOPIC}
        assert spark.read.format("kafka").options(**options).load().count() == 2
        wrong = replace(brokers.security, password=Secret("wrong"))
        with pytest.raises(Unreachable, match=r"Authentication.*correct TICKHOUSE_KAFKA_USER"):
            Consumer(Brokers(str(brokers), wrong), topics=[TOPIC])


def test_a_certificate_of_another_authority_is_refused(tmp_path: Path) -> None:
    other = make_authority(tmp_path)
    with secure_broker() as settings:
        stranger = replace(settings.bootstrap.security, ca=str(other))
        with pytest.raises(Unreachable, match="certificate"):
            Consumer(Brokers(str(settings.bootstrap), stranger), topics=[TOPIC])
