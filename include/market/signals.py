"""One signal of a window, as all that send and store it know it."""

from decimal import Decimal
from typing import NamedTuple


class PublishedSignal(NamedTuple):
    """A number of one window; `window_start` and `window_end` in µs UTC."""

    venue: str
    symbol: str
    type: str
    value: Decimal
    window_start: int
    window_end: int
