"""The best bid and ask in a message of market.book, read without its price levels. Pure."""

from decimal import Decimal

import msgspec

from include.market.events import Top

MAX_AMOUNT = Decimal(10) ** 12  # what the tables' money can hold
MAX_QUOTE = 10**15  # a trade worth more, in quote units, is a wrong number


class TopMessage(msgspec.Struct, frozen=True):
    """A message of market.book without its events; times in µs UTC, `top` null: invalid book."""

    venue: str
    symbol: str
    kind: str
    venue_time: int | None
    received_time: int
    conn: str = ""
    top: Top | None = None


_decoder: msgspec.json.Decoder[TopMessage] = msgspec.json.Decoder(TopMessage)


def decode_top(value: bytes) -> TopMessage:
    """The message without its events.

    Raises:
        msgspec.MsgspecError: the bytes are no such message.
        UnicodeDecodeError: they are no UTF-8.
    """
    return _decoder.decode(value)


def is_sane(amount: Decimal) -> bool:
    """Whether a price, quantity or ratio is finite, not negative and within the tables' range."""
    return amount.is_finite() and 0 <= amount < MAX_AMOUNT


def is_sane_top(top: Top) -> bool:
    """Whether all four numbers of a top are sane."""
    return all(map(is_sane, msgspec.structs.astuple(top)))
