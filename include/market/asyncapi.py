"""The wire as one document: every Kafka topic with the JSON Schema of its messages. Pure.

The form is AsyncAPI 3.0. Schemas follow from the event classes, so that they cannot differ from
what is encoded; the classes' docstrings go with them.
"""

from typing import Any

import msgspec

from include.market import events
from include.market.auction import Auction
from include.market.events import Message
from include.market.wire import TOPIC_OF_KIND, Topic

SCHEMAS = "#/components/schemas"
EVENT_OF_KIND = {
    "trade": events.Trade,
    "ticker": events.Ticker,
    "book": events.BookChange,
    "auction": Auction,
    "quote": events.Quote,
    "ledger": events.LedgerEntry,
    "reject": events.Reject,
    "decision": events.Decision,
    "order": events.Order,
    "fill": events.Fill,
    "balance": events.Balance,
    "score": events.Score,
}
SUMMARIES = {
    Topic.TRADES: "Trades and aggregate trades",
    Topic.TICKERS: "24-hour summaries",
    Topic.BOOK: "Book changes and snapshots, and the best bid and ask after each frame",
    Topic.AUCTIONS: "Call auctions: announced, indicative prices, results",
    Topic.QUOTES: "Polled prices of suppliers",
    Topic.LEDGER: "Connects, disconnects, holes and their healing",
    Topic.REJECTS: "Frames that no decoder understood, whole",
    Topic.SIGNALS: "Numbers that the trader acts on",
    Topic.DECISIONS: "What the trader concluded of each signal",
    Topic.ORDERS: "The trader's orders",
    Topic.FILLS: "What was executed of them",
    Topic.BALANCES: "What the account holds after each order",
    Topic.SCORES: "The profit of each sale",
}
SIGNAL_DESCRIPTION = (
    "One signal, flat. `timestamp` (the window's end) and `window_start` are µs since the epoch; "
    "`source` names the record of market.book that a measure was taken from."
)


def describe_wire(version: str) -> dict[str, Any]:
    """The AsyncAPI document, for a version of the product."""
    schemas = {name: _tidy(schema) for name, schema in _list_schemas().items()}
    topics = list(SUMMARIES)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Tickhouse on Kafka",
            "version": version,
            "description": (
                "Keys are `venue|symbol`, values UTF-8 JSON. Decimals travel as text, times as "
                "microseconds since the epoch (UTC)."
            ),
        },
        "defaultContentType": "application/json",
        "channels": {topic: _describe_channel(topic) for topic in topics},
        "operations": {
            f"receive {topic}": {"action": "receive", "channel": {"$ref": f"#/channels/{topic}"}}
            for topic in topics
        },
        "components": {
            "messages": {_name_message(topic): _describe_message(topic) for topic in topics},
            "schemas": schemas,
        },
    }


def message_schema(topic: str) -> dict[str, Any]:
    """The JSON Schema (2020-12) of the values of a topic, whole in itself."""
    schemas = {name: _tidy(schema) for name, schema in _list_schemas().items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$ref": f"{SCHEMAS}/{_name_message(topic)}",
        "components": {"schemas": schemas},
    }


def _describe_channel(topic: str) -> dict[str, Any]:
    name = _name_message(topic)
    return {
        "address": topic,
        "summary": SUMMARIES[topic],
        "messages": {name: {"$ref": f"#/components/messages/{name}"}},
    }


def _describe_message(topic: str) -> dict[str, Any]:
    return {
        "name": _name_message(topic),
        "summary": SUMMARIES[topic],
        "bindings": {
            "kafka": {"key": {"type": "string", "description": "venue|symbol"}},
        },
        "payload": {"$ref": f"{SCHEMAS}/{_name_message(topic)}"},
    }


def _name_message(topic: str) -> str:
    """`market.book` as `MarketBook`."""
    return "".join(part.capitalize() for part in topic.split("."))


def _list_schemas() -> dict[str, dict[str, Any]]:
    """Schemas of the events, and of the messages of each topic."""
    _, components = msgspec.json.schema_components(
        [*EVENT_OF_KIND.values(), events.Top, Message], ref_template=SCHEMAS + "/{name}"
    )
    schemas: dict[str, dict[str, Any]] = dict(components)
    general = schemas.pop("Message")
    for topic in SUMMARIES:
        if topic != Topic.SIGNALS:
            schemas[_name_message(topic)] = _narrow(general, topic)
    schemas[_name_message(Topic.SIGNALS)] = _describe_signal()
    return schemas


def _narrow(general: dict[str, Any], topic: str) -> dict[str, Any]:
    """The schema of a message with the kinds and events of one topic."""
    kinds = [kind for kind, of_kind in TOPIC_OF_KIND.items() if of_kind == topic]
    classes = [EVENT_OF_KIND[kind].__name__ for kind in kinds if kind in EVENT_OF_KIND]
    items = [{"$ref": f"{SCHEMAS}/{name}"} for name in classes]
    properties = general["properties"] | {
        "kind": {"enum": kinds},
        "events": {"type": "array", "items": items[0] if len(items) == 1 else {"anyOf": items}},
        "v": {"const": events.VERSION},
    }
    if topic != Topic.BOOK:
        properties["top"] = {"type": "null"}
    return general | {"title": _name_message(topic), "properties": properties}


def _describe_signal() -> dict[str, Any]:
    texts = {name: {"type": "string"} for name in ("venue", "symbol", "type")}
    times = {name: {"type": "integer"} for name in ("timestamp", "window_start")}
    source = {
        "type": "object",
        "properties": {
            "topic": {"type": "string"},
            "partition": {"type": "integer"},
            "offset": {"type": "integer"},
        },
        "required": ["topic", "partition", "offset"],
    }
    value = {"value": {"type": "string", "format": "decimal"}, "v": {"const": events.VERSION}}
    properties = {**texts, **value, **times}
    return {
        "title": _name_message(Topic.SIGNALS),
        "description": SIGNAL_DESCRIPTION,
        "type": "object",
        "properties": {**properties, "source": source},
        "required": list(properties),
    }


def _tidy(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with its description on plain lines."""
    lines = [line.strip() for line in str(schema.get("description", "")).splitlines()]
    return schema | {"description": " ".join(line for line in lines if line)}
