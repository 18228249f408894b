"""Kafka in and out. The only owner of kafka-python; its clients outlive a restarted broker."""

from include.bus.connection import Position
from include.bus.consumer import Consumer, Record
from include.bus.producer import Producer
from include.bus.spool import Spool
from include.bus.spooling import SpoolingPublisher
from include.bus.topics import ensure_topics, offsets
from include.bus.waiting import stamped_ms

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
