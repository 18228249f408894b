"""Kafka in and out. The only owner of its clients, which outlive a restarted broker."""

from include.bus.consumer import Consumer, Record
from include.bus.empty_offsets import find_empty_offsets
from include.bus.feed_producer import FeedProducer
from include.bus.group_positions import GroupPositions
from include.bus.message_times import message_times_ms
from include.bus.producer import Producer
from include.bus.spool import Spool
from include.bus.spool_holes import describe_holes
from include.bus.spool_segment import SpooledRecord
from include.bus.spooling import KafkaRecord, SpoolingPublisher
from include.bus.topics import ensure_topics, offset_ranges, topic_ids
from include.market.wire import TopicPartition

__all__ = [
    "Consumer",
    "FeedProducer",
    "GroupPositions",
    "KafkaRecord",
    "Producer",
    "Record",
    "Spool",
    "SpooledRecord",
    "SpoolingPublisher",
    "TopicPartition",
    "describe_holes",
    "ensure_topics",
    "find_empty_offsets",
    "message_times_ms",
    "offset_ranges",
    "topic_ids",
]
