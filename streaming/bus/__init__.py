"""Kafka in and out. The only owner of kafka-python; its clients outlive a restarted broker."""

from streaming.bus.connection import Position
from streaming.bus.consumer import Consumer, Record
from streaming.bus.producer import Producer
from streaming.bus.spool import Spool
from streaming.bus.spooling import SpoolingPublisher
from streaming.bus.topics import ensure_topics, offsets
from streaming.bus.waiting import stamped_ms

__all__ = [
    "Consumer",
    "Position",
    "Producer",
    "Record",
    "Spool",
    "SpoolingPublisher",
    "ensure_topics",
    "offsets",
    "stamped_ms",
]
