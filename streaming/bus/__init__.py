"""Kafka in and out. The only owner of kafka-python; its clients outlive a restarted broker."""

from streaming.bus.connection import Position
from streaming.bus.consumer import Consumer, Record
from streaming.bus.producer import Producer
from streaming.bus.topics import ensure_topics, offsets

__all__ = ["Consumer", "Position", "Producer", "Record", "ensure_topics", "offsets"]
