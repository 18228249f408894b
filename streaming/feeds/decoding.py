"""What every venue's decoder is: frames in, messages out, or the frame rejected. Pure."""

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
PRICE_STEP, QUANTITY_STEP = Decimal("1e-8"), Decimal("1e-10")  # of the lake's columns
ZERO = Decimal(0)
TOO_LARGE = Decimal(10**12)  # for both: decimal(20,8) and decimal(22,10)
MICROS_FROM = 100_000_000_000_000  # milliseconds of the year 5138


@dataclass(frozen=True)
class Request:
    """A text to send to the venue, at once or after so many seconds."""

    text: str = field(repr=False)
    after_s: float = 0.0


class DecodedFrame(msgspec.Struct, frozen=True, gc=False):
    """The messages that a frame holds, and what it asks for.

    `resync` ends the connection for a new one; `renew`, if it names a cause, asks for a new one
    before this ends.
    """

    messages: tuple[Message, ...]
    resync: bool = False
    renew: str = ""
    requests: tuple[Request, ...] = ()


class Decoder(Protocol):
    """One connection's decoder. `ignored` counts what it understood and does not carry."""

    ignored: Counter[str]

    def decode(self, frame: Frame) -> DecodedFrame:
        """Turn a frame into its messages, or raise RejectedFrame; nothing else."""


def parse(decode: Callable[[bytes], _T], data: bytes) -> _T:
    """`decode(data)`, with every fault raised as a RejectedFrame of a stable reason.

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


def require_positive(number: Decimal, step: Decimal) -> None:
    """Reject a number that is not above zero or does not fit a lake column of this step.

    Raises:
        RejectedFrame: `out_of_range`, or `too_fine`: the column would have to round it.
    """
    if not number.is_finite() or not 0 < number < TOO_LARGE:
        raise RejectedFrame("out_of_range", str(number)[:80])
    if number.quantize(step) != number:
        raise RejectedFrame("too_fine", str(number)[:80])


def require_positive_pair(price: Decimal, quantity: Decimal) -> None:
    """`require_positive` of a price and a quantity, in one go when both are as they should be.

    Raises:
        RejectedFrame: as `require_positive`.
    """
    try:
        fits = ZERO < price < TOO_LARGE and ZERO < quantity < TOO_LARGE
    except InvalidOperation:  # comparing what is no number
        fits = False
    if fits and price.same_quantum(PRICE_STEP) and quantity.same_quantum(PRICE_STEP):
        return  # eight decimals, as most venues write both
    if (
        not fits
        or price.quantize(PRICE_STEP) != price
        or quantity.quantize(QUANTITY_STEP) != quantity
    ):
        require_positive(price, PRICE_STEP)
        require_positive(quantity, QUANTITY_STEP)


def require_not_negative(number: Decimal, step: Decimal) -> None:
    """Reject a number below zero or one that does not fit a lake column of this step.

    Raises:
        RejectedFrame: as `require_positive`.
    """
    if number.is_finite() and not number:
        return
    require_positive(number, step)


def to_micros(time: int) -> int:
    """Get microseconds from a venue's milliseconds or microseconds, distinguished by size."""
    return time if time >= MICROS_FROM else time * 1000
