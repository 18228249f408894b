"""What every venue's decoder is: frames in, messages out, and why a frame was refused. Pure."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Annotated, Protocol, TypeVar

import msgspec

from include.errors import RejectedFrame
from include.market.events import Frame, Message

Id = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Millis = Annotated[int, msgspec.Meta(ge=0, le=4_102_444_800_000_000)]

_T = TypeVar("_T")
MONEY, QUANTITY = Decimal("1e-8"), Decimal("1e-10")  # finest steps of the lake's columns
NONE = Decimal(0)
TOO_LARGE = Decimal(10**12)  # for both: decimal(20,8) and decimal(22,10)
MICROS_FROM = 100_000_000_000_000  # milliseconds of the year 5138


@dataclass(frozen=True)
class Send:
    """A text that the venue is owed, at once or after so many seconds."""

    text: str = field(repr=False)
    after_s: float = 0.0


class Decoded(msgspec.Struct, frozen=True, gc=False):
    """The messages that a frame holds, and what it asks for.

    `resync` ends the connection for a new one; `renew`, if it names a cause, asks for a new one
    before this ends.
    """

    messages: tuple[Message, ...]
    resync: bool = False
    renew: str = ""
    sends: tuple[Send, ...] = ()


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


def positive(value: Decimal, step: Decimal) -> None:
    """Refuse a number that is not above zero or does not fit a lake column of this step.

    Raises:
        RejectedFrame: `out_of_range`, or `too_fine`: the column would have to round it.
    """
    if not value.is_finite() or not 0 < value < TOO_LARGE:
        raise RejectedFrame("out_of_range", str(value)[:80])
    if value.quantize(step) != value:
        raise RejectedFrame("too_fine", str(value)[:80])


def both_positive(price: Decimal, quantity: Decimal) -> None:
    """`positive` of a price and a quantity, in one go when both are as they should be.

    Raises:
        RejectedFrame: as `positive`.
    """
    try:
        fits = NONE < price < TOO_LARGE and NONE < quantity < TOO_LARGE
    except InvalidOperation:  # comparing what is no number
        fits = False
    if fits and price.same_quantum(MONEY) and quantity.same_quantum(MONEY):
        return  # eight decimals, as most venues write both
    if not fits or price.quantize(MONEY) != price or quantity.quantize(QUANTITY) != quantity:
        positive(price, MONEY)
        positive(quantity, QUANTITY)


def not_negative(value: Decimal, step: Decimal) -> None:
    """Refuse a number below zero or one that does not fit a lake column of this step.

    Raises:
        RejectedFrame: as `positive`.
    """
    if value.is_finite() and not value:
        return
    positive(value, step)


def micros(time: int) -> int:
    """Get microseconds from a venue's milliseconds or microseconds, told apart by size."""
    return time if time >= MICROS_FROM else time * 1000
