"""`python -m bench.scale_shard BOOTSTRAP BEGIN_AT SHARD SHARDS SYMBOLS MESSAGES`: one feed shard.

It publishes so many messages of its share of the symbols as fast as the broker acknowledges them,
from BEGIN_AT (seconds since the epoch) on, and prints when the last one was acknowledged.
"""

import sys
import time
from collections.abc import Iterator, Sequence

from confluent_kafka import Producer

from bench.latency import book_message, trade_message
from include.bus.feed_producer import SETTINGS
from include.clock import now_us
from include.market import wire
from include.market.events import Message

MAKERS = (book_message, trade_message)
ACKNOWLEDGED_S = 300.0


def list_symbols(shard: int, *, shards: int, count: int) -> list[str]:
    """The symbols of a shard; one of more shards than symbols shares the first ones."""
    numbers = range(shard, count, shards) if shard < count else range(shard % count, count)
    return [f"COIN{number}-USDT" for number in numbers]


def make_messages(symbol_names: Sequence[str], *, first: int, count: int) -> Iterator[Message]:
    """Book changes and trades in turn, each symbol after the other, numbered from `first`."""
    for number in range(first, first + count):
        symbol = symbol_names[number // len(MAKERS) % len(symbol_names)]
        yield MAKERS[number % len(MAKERS)](number, now_us(), symbol)


def main(argv: Sequence[str]) -> None:
    """Publish them all."""
    bootstrap, (begin_at, *numbers) = argv[0], argv[1:]
    shard, shards, symbols, count = map(int, numbers)
    producer = Producer(SETTINGS | {"bootstrap.servers": bootstrap})
    symbol_names = list_symbols(shard, shards=shards, count=symbols)
    time.sleep(max(0.0, float(begin_at) - time.time()))
    for message in make_messages(symbol_names, first=shard * count, count=count):
        topic, value = wire.choose_topic(message), wire.encode(message)
        while True:
            try:
                producer.produce(topic, value, wire.encode_key(message))
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
    if producer.flush(ACKNOWLEDGED_S):
        raise SystemExit("not every message was acknowledged")
    sys.stdout.write(f"{time.time()}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
