"""The time of receipt of a message of Kafka, as far as its record's stamp lets it be believed."""

from pyspark.sql import Column
from pyspark.sql import functions as F

from include.market.time import AHEAD_OF_RECEIPT_US, EARLIEST_US, LATEST_US


def believed_receipt() -> Column:
    """`believed_receipt` of `include/market/time.py` (µs), for rows of `parse_messages`."""
    kafka_us, received_us = F.unix_micros("timestamp"), F.col("message.received_time")
    is_stamped = (kafka_us >= EARLIEST_US) & (kafka_us < LATEST_US)
    is_ahead = received_us > kafka_us + AHEAD_OF_RECEIPT_US
    return F.when(is_stamped & is_ahead, kafka_us).otherwise(received_us)
