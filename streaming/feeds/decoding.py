"""What every venue's decoder is: frames in, messages out, or what is wrong rejected. Pure.

A frame that cannot be read at all is rejected whole, by a RejectedFrame. Of one that holds several
facts, those that make no sense are rejected and the others taken.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Annotated, Protocol, TypeVar

import msgspec

from include.errors import RejectedFrame
from include.market.events import Frame, Message
from include.market.numerals import ZERO
from include.market.time import TimeBound
from include.market.tops import MAX_QUOTE

Id = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Time = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]  # `RejectedParts` has the bound

_T = TypeVar("_T")
_U = TypeVar("_U")
PRICE_STEP, QUANTITY_STEP = Decimal("1e-8"), Decimal("1e-10")  # of the lake's columns
RATIO_STEP = Decimal("1e-12")
COLUMN_OF_STEP = {PRICE_STEP: "price", QUANTITY_STEP: "quantity", RATIO_STEP: "of a ratio"}
UNSTORABLE = {"out_of_range", "too_fine"}  # another snapshot would be rejected as well
TOO_LARGE = Decimal(10**12)  # for both: decimal(20,8) and decimal(22,10)
ORDINARY = Decimal(3 * 10**7)  # a price and a quantity below it are worth less than MAX_QUOTE
MICROS_FROM = 100_000_000_000_000  # milliseconds of the year 5138


@dataclass(frozen=True)
class Request:
    """A text to send to the venue, at once or after so many seconds."""

    text: str = field(repr=False)
    after_s: float = 0.0


@dataclass(frozen=True)
class PageRequest:
    """A page of the venue's REST to fetch, at once or after so many seconds.

    It comes back as a frame of `stream`, so that a tape has it too.
    """

    url: str
    stream: str
    after_s: float = 0.0

    def frame(self, page: bytes) -> bytes:
        """The page as a frame of one line."""
        body = page.replace(b"\n", b" ").replace(b"\r", b" ")
        return b'{"stream":"%b","data":%b}' % (self.stream.encode(), body)


class DecodedFrame(msgspec.Struct, frozen=True, gc=False):
    """The messages that a frame holds, and what it asks for.

    `resync` ends the connection for a new one; `renew`, if it names a cause, asks for a new one
    before this ends. `rejected` is what of the frame is not among the messages.
    """

    messages: tuple[Message, ...]
    resync: bool = False
    renew: str = ""
    requests: tuple[Request | PageRequest, ...] = ()
    rejected: tuple[RejectedFrame, ...] = ()


class RejectedParts:
    """What is rejected of one frame after the other, while the rest of each is taken."""

    def __init__(self, bound: TimeBound) -> None:
        self._bound = bound
        self._rejected: list[RejectedFrame] = []

    def clear(self) -> None:
        """Begin with another frame."""
        self._rejected.clear()

    @property
    def rejected(self) -> tuple[RejectedFrame, ...]:
        """What was rejected of the frame."""
        return tuple(self._rejected)

    def add(self, rejection: RejectedFrame) -> None:
        """Reject a part of the frame."""
        self._rejected.append(rejection)

    def require_time(self, time_us: int, frame: Frame, bound: TimeBound | None = None) -> int:
        """The time itself, in µs; `bound` is that of a time that lies ahead.

        Raises:
            RejectedFrame: `time_out_of_range`: too far from the time of receipt.
        """
        earliest, latest = (bound or self._bound).span_us(frame.received_time)
        if not earliest <= time_us <= latest:
            detail = f"{time_us} us, received at {frame.received_time} us"
            raise RejectedFrame("time_out_of_range", detail)
        return time_us

    def time_or_null(
        self, time_us: int, frame: Frame, bound: TimeBound | None = None
    ) -> int | None:
        """The time, or null and the time rejected, where the rest makes sense without it."""
        try:
            return self.require_time(time_us, frame, bound)
        except RejectedFrame as rejection:
            self.add(rejection)
            return None

    def fitting_or_null(
        self, number: Decimal | None, step: Decimal, *, column: str = ""
    ) -> Decimal | None:
        """The number, or null and the number rejected if it does not fit a column of this step."""
        try:
            if number is not None:
                require_not_negative(number, step, column=column)
        except RejectedFrame as rejection:
            self.add(rejection)
            return None
        return number

    def signed_or_null(self, number: Decimal | None, step: Decimal) -> Decimal | None:
        """The number, of either sign, or null and the number rejected if it does not fit."""
        try:
            if number is not None:
                require_finite(number, step)
        except RejectedFrame as rejection:
            self.add(rejection)
            return None
        return number

    def read_each(self, items: Iterable[_T], convert: Callable[[_T], _U]) -> list[_U]:
        """What `convert` makes of each item; those that it rejects are left out."""
        readable = []
        for item in items:
            try:
                readable.append(convert(item))
            except RejectedFrame as rejection:
                self.add(rejection)
        return readable

    def complete(self, decoded: DecodedFrame) -> DecodedFrame:
        """The decoded frame with its rejected parts.

        Raises:
            RejectedFrame: nothing of the frame is left.
        """
        if not self._rejected:
            return decoded
        if not decoded.messages and not decoded.requests and not decoded.resync:
            raise self._rejected[0]
        return msgspec.structs.replace(decoded, rejected=self.rejected)


class Decoder(Protocol):
    """One connection's decoder. `ignored` counts what it understood and does not carry."""

    ignored: Counter[str]

    def decode(self, frame: Frame) -> DecodedFrame:
        """Turn a frame into its messages, or raise RejectedFrame; nothing else.

        A rejected frame that may have changed a book makes that book invalid until the next
        snapshot; if only a new connection brings one, the rejection has `needs_snapshot`.
        """


def parse(decode: Callable[[bytes], _T], data: bytes) -> _T:
    """`decode(data)`, with every fault raised as a RejectedFrame of a stable reason.

    Raises:
        RejectedFrame: `empty`, `not_utf8`, `not_json` or `wrong_type`.
    """
    try:
        return decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RejectedFrame(_describe_error(data, error), str(error)) from error


def _describe_error(data: bytes, error: Exception) -> str:
    if not data.strip():
        return "empty"
    try:
        data.decode()
    except UnicodeDecodeError:
        return "not_utf8"
    return "wrong_type" if isinstance(error, msgspec.ValidationError) else "not_json"


def require_positive(number: Decimal, step: Decimal, *, column: str = "") -> None:
    """Reject a number that is not above zero or does not fit a lake column of this step.

    `column` is its name, where it is not the `price` or the `quantity` of that step.

    Raises:
        RejectedFrame: `out_of_range`, or `too_fine`: the column would have to round it. The detail
            names column and number.
    """
    if not number.is_finite() or not 0 < number < TOO_LARGE:
        raise _reject_number("out_of_range", number, column or COLUMN_OF_STEP[step])
    if number.quantize(step, ROUND_HALF_EVEN) != number:
        raise _reject_number("too_fine", number, column or COLUMN_OF_STEP[step])


def _reject_number(reason: str, number: Decimal, column: str) -> RejectedFrame:
    return RejectedFrame(reason, f"column {column}: {str(number)[:80]}")


def require_positive_pair(price: Decimal, quantity: Decimal) -> None:
    """`require_positive` of a price and a quantity, in one go when both are as they should be.

    Raises:
        RejectedFrame: as `require_positive`; `out_of_range` too if together they are worth more
            than any trade.
    """
    try:
        fits = ZERO < price < ORDINARY and ZERO < quantity < ORDINARY
    except InvalidOperation:  # comparing what is no number
        fits = False
    if fits and price.same_quantum(PRICE_STEP) and quantity.same_quantum(PRICE_STEP):
        return  # eight decimals, as most venues write both
    require_positive(price, PRICE_STEP)
    require_positive(quantity, QUANTITY_STEP)
    if price * quantity >= MAX_QUOTE:
        raise RejectedFrame("out_of_range", f"{price} x {quantity}"[:80])


def require_finite(number: Decimal, step: Decimal) -> None:
    """Reject a number, of either sign, that does not fit a lake column of this step.

    Raises:
        RejectedFrame: as `require_positive`.
    """
    require_not_negative(number.copy_abs() if number.is_finite() else number, step)


def require_not_negative(number: Decimal, step: Decimal, *, column: str = "") -> None:
    """Reject a number below zero or one that does not fit a lake column of this step.

    Raises:
        RejectedFrame: as `require_positive`.
    """
    if number.is_finite() and not number:
        return
    require_positive(number, step, column=column)


def to_micros(raw_time: int) -> int:
    """Get microseconds from a venue's milliseconds or microseconds, distinguished by size."""
    return raw_time if raw_time >= MICROS_FROM else raw_time * 1000
