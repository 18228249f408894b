"""The predicted move that a decision acts on, and its side: one definition for all. Pure.

A minute has one label everywhere (`ds`, `minute`, `trained_until`), and `ds` stands for the
predicted close of the minute of that label. The side at `ds` is that of the move into `ds`: from
the close of the minute before it. At a window's end T, a decision acts on the move from the close
at T to the close at T + look-ahead: an order decided at T is filled in the minute T, and what it
earns is what comes after that minute's close. With a look-ahead of 1 this is the side at T + 1.
"""

from typing import Literal, NamedTuple

from include.market.time import MINUTE_US

ForecastSide = Literal["buy", "sell", "hold"]
FORECAST_SIDES: tuple[ForecastSide, ...] = ("buy", "sell", "hold")
_BPS = 10_000


class Move(NamedTuple):
    """From which minute's close to which one's, by their labels (µs UTC)."""

    start: int
    end: int


def minute_of(time_us: int) -> int:
    """The label (µs) of the minute that holds this time."""
    return time_us - time_us % MINUTE_US


def move_ahead(window_end: int, *, lookahead_minutes: int) -> Move:
    """The move that a decision at this window's end (µs) acts on."""
    start = minute_of(window_end)
    return Move(start, start + lookahead_minutes * MINUTE_US)


def bps_of(before: float, after: float) -> float:
    """How far a price moves from one close to another, in basis points of the first."""
    return (after - before) / before * _BPS


def side_of(before: float, after: float, *, hold_bps: float) -> ForecastSide:
    """The side of a move: `hold` if it is below so many basis points, else buy where it is up.

    With `hold_bps` 0 nothing is below, and a price that stays is `sell`.
    """
    if abs(bps_of(before, after)) < hold_bps:
        return "hold"
    return "buy" if after > before else "sell"
