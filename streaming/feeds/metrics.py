"""A feed's counters as Prometheus metrics."""

from collections import Counter
from collections.abc import Sequence

from include.bus import FeedProducer, SpoolingPublisher
from include.metrics import Metric


def metrics(
    venue: str,
    counters: Sequence[Counter[str]],
    *,
    producer: FeedProducer,
    publisher: SpoolingPublisher,
) -> list[Metric]:
    """Everything a feed counts: frames, messages by kind, gaps, connects, what became of them."""
    total = sum((Counter(dict(counter)) for counter in counters), Counter())
    events: dict[tuple[str, ...], float] = {
        (venue, name.replace(" ", "_")): float(number) for name, number in total.items()
    }
    return [
        Metric(
            "feed_events_total",
            "frames, messages by kind, ledger entries by kind, rejects",
            events,
            ("venue", "event"),
        ),
        Metric(
            "feed_messages_acknowledged_total",
            "messages that Kafka has for certain",
            {(venue,): float(producer.acknowledged)},
            ("venue",),
        ),
        Metric(
            "feed_messages_spooled_total",
            "messages put on disk while Kafka was away",
            {(venue,): float(publisher.spooled)},
            ("venue",),
        ),
        Metric(
            "feed_messages_dropped_total",
            "messages that found no room on disk",
            {(venue,): float(publisher.dropped)},
            ("venue",),
        ),
    ]
