"""A feed's counters as Prometheus metrics."""

from collections import Counter
from collections.abc import Sequence

from include.market.feed_shards import FeedShard
from include.metrics import Metric
from streaming.feeds.outlet import Outlet


def metrics(shard: FeedShard, counters: Sequence[Counter[str]], *, outlet: Outlet) -> list[Metric]:
    """Everything a feed counts: frames, messages by kind, gaps, connects, what became of them."""
    process, labels = (shard.venue, str(shard.number)), ("venue", "shard")
    publisher = outlet.publisher
    total = sum((Counter(dict(counter)) for counter in counters), Counter())
    events: dict[tuple[str, ...], float] = {
        (*process, name.replace(" ", "_")): float(number) for name, number in total.items()
    }
    return [
        Metric(
            "feed_events_total",
            "frames, messages by kind, ledger entries by kind, rejects",
            events,
            (*labels, "event"),
        ),
        Metric(
            "feed_messages_acknowledged_total",
            "messages that Kafka has for certain",
            {process: float(outlet.producer.acknowledged)},
            labels,
        ),
        Metric(
            "feed_messages_spooled_total",
            "messages put on disk while Kafka was away",
            {process: float(publisher.spooled)},
            labels,
        ),
        Metric(
            "feed_messages_dropped_total",
            "messages that found no room on disk",
            {process: float(publisher.dropped)},
            labels,
        ),
    ]
