"""A recorded connection taken up in its middle, as the venue would: a snapshot, then what follows.

Of Gemini v1 alone, whose tapes are played. Frames are read as JSON, by no decoder of the feeds.
"""

import json
import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from streaming.feeds.recorded_connections import FIRST

_NUMBER = re.compile(rb'("socket_sequence"\s*:\s*)(\d+)')


def name_start(data: bytes) -> str | None:
    """A connection begins with the frame that is numbered 0."""
    number = _number_of(data)
    return FIRST if number == 0 else None


class TapeBook:
    """The book as the frames of one connection have left it."""

    def __init__(self) -> None:
        self._levels: dict[tuple[str, Decimal], str] = {}
        self._event_id = 0

    def take(self, data: bytes) -> None:
        """Take a frame in; what is no update changes nothing."""
        try:
            frame = json.loads(data)
            if frame["type"] == "update":
                self._event_id = max(self._event_id, frame["eventId"])
                for change in frame["events"]:
                    self._change(change)
        except (ValueError, KeyError, TypeError, InvalidOperation):
            return

    def snapshot(self) -> bytes:
        """The frame that a new connection begins with: number 0 and the whole book, no time."""
        events = [
            {
                "type": "change",
                "reason": "initial",
                "price": f"{price:f}",
                "delta": remaining,
                "remaining": remaining,
                "side": side,
            }
            for (side, price), remaining in self._levels.items()
        ]
        frame = {
            "type": "update",
            "eventId": self._event_id,
            "socket_sequence": 0,
            "events": events,
        }
        return json.dumps(frame, separators=(",", ":")).encode()

    def _change(self, change: dict[str, Any]) -> None:
        if change["type"] != "change":
            return
        level = change["side"], Decimal(change["price"])
        if Decimal(change["remaining"]):
            self._levels[level] = change["remaining"]
        else:
            self._levels.pop(level, None)


def take_up(earlier: Sequence[bytes], later: Sequence[bytes]) -> list[bytes]:
    """The frames of a new connection that goes on behind `earlier` ones of a recorded connection.

    A snapshot of the book, then the later frames, numbered on from it; a hole in their numbers
    stays one.
    """
    book, last = TapeBook(), -1
    for data in earlier:
        book.take(data)
        number = _number_of(data)
        last = last if number is None else number
    return [book.snapshot(), *(_renumber(data, -last) for data in later)]


def _renumber(data: bytes, offset: int) -> bytes:
    def move(match: re.Match[bytes]) -> bytes:
        return match[1] + b"%d" % max(1, int(match[2]) + offset)

    return _NUMBER.sub(move, data, count=1)


def _number_of(data: bytes) -> int | None:
    match = _NUMBER.search(data)
    return int(match[2]) if match else None
