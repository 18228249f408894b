"""Kafka in and out. The only owner of kafka-python; its clients outlive a restarted broker."""

from include.bus.consumer import Consumer, Record
from include.bus.message_times import message_times_ms
from include.bus.producer import Producer
from include.bus.spool import Spool
from include.bus.spool_segment import SpooledRecord
from include.bus.spooling import SpoolingPublisher
from include.bus.topics import ensure_topics, offset_ranges, topic_ids
from include.market.wire import TopicPartition

__all__ = [
    "Consumer",
    "Producer",
    "Record",
    "Spool",
    "SpooledRecord",
    "SpoolingPublisher",
    "TopicPartition",
    "ensure_topics",
    "message_times_ms",
    "offset_ranges",
    "topic_ids",
]
