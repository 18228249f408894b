"""Messages as rows of the lake's tables, as the stream lands them, without Kafka and Spark."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from deltalake import write_deltalake

from include.lake.tables import TABLE_OF_TOPIC
from include.lake.writing import arrow_rows
from include.market.events import Message
from include.market.time import from_epoch_us
from include.market.wire import choose_topic
from streaming.feeds.ledger import ledger_message

TIMES = (
    *("venue_time", "received_time", "traded_at", "window_start", "window_end"),
    *("published_at", "auction_at", "first_indicative_at", "last_cancel_at"),
)


def tell(
    message: Message, entry: str, *, at_us: int, cause: str = "start", detail: str = ""
) -> Message:
    """An entry of the ledger of the message's connection."""
    return ledger_message(
        entry,
        cause,
        venue=message.venue,
        symbol=message.symbol,
        conn=message.conn,
        at_us=at_us,
        detail=detail,
    )


def land_messages(
    lake: Path, messages: Iterable[Message], offsets: dict[str, int] | None = None
) -> None:
    """Append the messages to their tables, offsets counting up by topic from the last ones."""
    by_topic: dict[str, list[dict[str, Any]]] = {}
    offsets = {} if offsets is None else offsets
    for message in messages:
        topic = choose_topic(message)
        offset = offsets[topic] = offsets.get(topic, -1) + 1
        rows = by_topic.setdefault(topic, [])
        rows += rows_of(message, topic, offset)
    for topic, rows in by_topic.items():
        table = TABLE_OF_TOPIC[topic]
        full = [{name: row.get(name) for name in table.names} for row in rows]
        write_deltalake(str(lake / table.name), arrow_rows(table, full), mode="append")


def rows_of(message: Message, topic: str, offset: int) -> list[dict[str, Any]]:
    """The rows of one message: one an event, or one of index -1."""
    envelope = {name: getattr(message, name) for name in message.__struct_fields__}
    envelope |= {"topic": topic, "partition": 0, "offset": offset}
    envelope["seq_first"], envelope["seq_last"] = message.seq or (None, None)
    top = msgspec.structs.asdict(message.top) if message.top else {}
    envelope |= {f"top_{name}": value for name, value in top.items()}
    envelope["kafka_time"] = message.received_time
    rows = [
        envelope | msgspec.structs.asdict(event) | {"event_index": index}
        for index, event in enumerate(message.events)
    ] or [envelope | {"event_index": -1}]
    return [{name: _to_time(name, value) for name, value in row.items()} for row in rows]


def _to_time(name: str, value: Any) -> int | datetime | None:
    is_time = name in {*TIMES, "kafka_time"} and value is not None
    return from_epoch_us(value) if is_time else value
