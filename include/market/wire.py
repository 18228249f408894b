"""Message <-> Kafka: which topic a kind goes to, the key, and the JSON bytes."""

import base64
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import msgspec

from include.errors import WireError
from include.market import events
from include.market.events import Message, Reject

VERSION = events.VERSION


class TopicPartition(NamedTuple):
    """One partition of a Kafka topic; offsets are kept by it."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}"


Offsets = Mapping[TopicPartition, int]
OffsetRange = tuple[int, int]  # the first offset, and the one behind the last
OffsetRanges = Mapping[TopicPartition, OffsetRange]
OffsetHoles = Mapping[TopicPartition, Sequence[OffsetRange]]  # several ranges of each partition


class Topic:
    """The names of the Kafka topics."""

    TRADES = "market.trades"
    TICKERS = "market.tickers"
    BOOK = "market.book"
    AUCTIONS = "market.auctions"
    QUOTES = "market.quotes"
    LEDGER = "market.ledger"
    REJECTS = "market.rejects"
    SIGNALS = "market.signals"
    DECISIONS = "trading.decisions"
    ORDERS = "trading.orders"
    FILLS = "trading.fills"
    BALANCES = "trading.balances"
    SCORES = "trading.scores"


TOPIC_OF_KIND = {
    "trade": Topic.TRADES,
    "ticker": Topic.TICKERS,
    "book": Topic.BOOK,
    "heartbeat": Topic.BOOK,
    "auction": Topic.AUCTIONS,
    "quote": Topic.QUOTES,
    "ledger": Topic.LEDGER,
    "reject": Topic.REJECTS,
    "signal": Topic.SIGNALS,
    "decision": Topic.DECISIONS,
    "order": Topic.ORDERS,
    "fill": Topic.FILLS,
    "balance": Topic.BALANCES,
    "score": Topic.SCORES,
}
TOPICS = tuple(dict.fromkeys(TOPIC_OF_KIND.values()))
MAX_MESSAGE_BYTES = 8 * 1024 * 1024

_encoder = msgspec.json.Encoder(decimal_format="string")
_decoder = msgspec.json.Decoder(Message)


def choose_topic(message: Message) -> str:
    """The topic a message belongs to.

    Raises:
        WireError: the kind is not in the vocabulary.
    """
    try:
        return TOPIC_OF_KIND[message.kind]
    except KeyError:
        raise WireError(f"no topic for kind {message.kind!r}") from None


def encode_key(message: Message) -> bytes:
    """The Kafka key `venue|symbol`: one symbol of one venue stays in order."""
    return _key(message.venue, message.symbol)


@lru_cache(maxsize=1024)
def _key(venue: str, symbol: str) -> bytes:
    return f"{venue}|{symbol}".encode()


def encode(message: Message) -> bytes:
    """The UTF-8 JSON of a message; decimals travel as strings."""
    return _encoder.encode(message)


def decode(value: bytes) -> Message:
    """The message that bytes from Kafka hold.

    Raises:
        WireError: the bytes are not a message of a version known here.
    """
    try:
        message = _decoder.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise WireError(f"not a message: {error}") from error
    if message.v != VERSION:
        raise WireError(f"message version {message.v}, known is {VERSION}")
    return message


def reject_message(
    frame: bytes, *, venue: str, conn: str, received_time: int, reason: str, detail: str
) -> Message:
    """The message that carries a rejected frame whole, with the reason."""
    payload = base64.b64encode(frame).decode("ascii")
    return Message(
        venue=venue,
        symbol="",
        kind="reject",
        conn=conn,
        seq=None,
        venue_time=None,
        received_time=received_time,
        events=(Reject(reason=reason, detail=detail[:500], payload=payload),),
    )
