"""What every venue's decoder is: frames in, messages out, and why a frame was refused. Pure."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Protocol, TypeVar

import msgspec

from include.errors import RejectedFrame
from include.market.events import Frame, Message

Id = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Millis = Annotated[int, msgspec.Meta(ge=0, le=4_102_444_800_000_000)]

_T = TypeVar("_T")
_MOST_INTEGER_DIGITS = 12  # of the lake's money type, decimal(20,8)
_MICROS_FROM = 100_000_000_000_000  # milliseconds of the year 5138


@dataclass(frozen=True)
class Decoded:
    """The messages that a frame holds; `resync` asks for a new connection."""

    messages: tuple[Message, ...]
    resync: bool = False


class Decoder(Protocol):
    """One connection's decoder. `ignored` counts what it understood and does not carry."""

    ignored: Counter[str]

    def decode(self, frame: Frame) -> Decoded:
        """Turn a frame into its messages, or raise RejectedFrame; nothing else."""


def parsed(decode: Callable[[bytes], _T], data: bytes) -> _T:
    """`decode(data)`, with every fault told as a RejectedFrame of a stable reason.

    Raises:
        RejectedFrame: `empty`, `not_utf8`, `not_json` or `wrong_type`.
    """
    try:
        return decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RejectedFrame(_reason(data, error), str(error)) from error


def _reason(data: bytes, error: Exception) -> str:
    if not data.strip():
        return "empty"
    try:
        data.decode()
    except UnicodeDecodeError:
        return "not_utf8"
    return "wrong_type" if isinstance(error, msgspec.ValidationError) else "not_json"


def positive(value: Decimal) -> None:
    """Refuse a price or quantity that is not a number above zero, or too large for the lake.

    Raises:
        RejectedFrame: `out_of_range`.
    """
    if not value.is_finite() or value <= 0 or value.adjusted() >= _MOST_INTEGER_DIGITS:
        raise RejectedFrame("out_of_range", str(value)[:80])


def not_negative(value: Decimal) -> None:
    """Refuse a quantity that is no number, below zero, or too large for the lake.

    Raises:
        RejectedFrame: `out_of_range`.
    """
    if not value.is_finite() or value < 0 or value.adjusted() >= _MOST_INTEGER_DIGITS:
        raise RejectedFrame("out_of_range", str(value)[:80])


def micros(time: int) -> int:
    """Get microseconds from a venue's milliseconds or microseconds, told apart by size."""
    return time if time >= _MICROS_FROM else time * 1000
