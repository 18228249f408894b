"""Tapes joined into one, as a recorder leaves them that was cut off and went on."""

from collections.abc import Iterable
from pathlib import Path

from include.market.events import Frame
from streaming.feeds.tape import TapeWriter, read_tape

LATER, EARLIER = "ws/gemini_v1/btcusd_2018-04-24", "ws/gemini_v1/btcusd_2018-04-19"


def join(target: Path, *parts: Iterable[Frame]) -> Path:
    """One tape of all parts, in their order."""
    tape = TapeWriter(target)
    for part in parts:
        for frame in part:
            tape.write(frame)
    tape.close()
    return target


def frames(path: Path, *, first: int = 0, until: int | None = None) -> list[Frame]:
    """The frames of a tape from `first` on and before `until`."""
    return list(read_tape(path))[first:until]
