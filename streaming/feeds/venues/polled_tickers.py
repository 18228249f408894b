"""What a polled answer has beyond the price: volumes, best bid and ask. Pure.

Source: docs.gemini.com, `/v1/pubticker`: the keys of `volume` are the pair's currencies, and its
time, in ms and sometimes text, is that of the volumes.
"""

from decimal import ROUND_HALF_EVEN, Decimal

import msgspec

from include.errors import RejectedFrame
from include.market.events import Frame, Ticker
from include.market.numerals import LARGEST
from streaming.feeds.decoding import (
    PRICE_STEP,
    QUANTITY_STEP,
    RejectedParts,
    parse,
    require_positive,
    to_micros,
)

TIMESTAMP = "timestamp"


class _PublicTicker(msgspec.Struct, frozen=True):
    last: Decimal
    bid: Decimal | None = None
    ask: Decimal | None = None
    volume: dict[str, Decimal] = msgspec.field(default_factory=dict)


_ticker = msgspec.json.Decoder(_PublicTicker)


def read_gemini_ticker(frame: Frame, symbol: str, parts: RejectedParts) -> Ticker:
    """The ticker of a symbol; its `window_end` is the time of the volumes.

    Raises:
        RejectedFrame: the answer is none, or the last price does not fit.
    """
    answer = parse(_ticker.decode, frame.data)
    require_positive(answer.last, PRICE_STEP, column="last")
    base, _, quote = symbol.partition("-")
    measured_ms = answer.volume.get(TIMESTAMP)
    return Ticker(
        last=answer.last,
        bid=parts.fitting_or_null(answer.bid or None, PRICE_STEP, column="bid"),
        ask=parts.fitting_or_null(answer.ask or None, PRICE_STEP, column="ask"),
        base_volume=parts.fitting_or_null(
            _cut(answer.volume.get(base)), QUANTITY_STEP, column="base_volume"
        ),
        quote_volume=parts.fitting_or_null(
            _cut(answer.volume.get(quote)), QUANTITY_STEP, column="quote_volume"
        ),
        window_end=None if measured_ms is None else _read_time(measured_ms, parts, frame),
    )


def _cut(volume: Decimal | None) -> Decimal | None:
    """A sum of products has more digits than the column: it is rounded to its last."""
    is_exact = volume is None or not volume.is_finite() or volume.copy_abs() >= 10**12
    return volume if is_exact or volume is None else volume.quantize(QUANTITY_STEP, ROUND_HALF_EVEN)


def _read_time(time_ms: Decimal, parts: RejectedParts, frame: Frame) -> int | None:
    if not time_ms.is_finite() or not 0 <= time_ms <= LARGEST or time_ms % 1:
        parts.add(RejectedFrame("time_out_of_range", str(time_ms)[:80]))
        return None
    return parts.time_or_null(to_micros(int(time_ms)), frame)
