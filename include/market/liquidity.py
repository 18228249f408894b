"""Liquidity windows of one symbol's book, computed without Spark: the same sums, digit for digit.

What `spark_jobs/transforms/liquidity.py` does to a stream, for a tape or a lake read again: sums of
price x remaining a side and window of event time, repeats by event id left out, a window closed
when the watermark passes its end. Rounding follows Spark's decimal(20,8) x decimal(22,10).
"""

from collections import deque
from decimal import ROUND_HALF_UP, Context, Decimal

import msgspec

from include.market.events import BookChange, Message
from include.market.time import SECOND_US

_WIDE = Context(prec=60)
_PRODUCT, _VALUE = Decimal("1e-13"), Decimal("1e-12")


class Liquidity(msgspec.Struct, frozen=True):
    """What one window's changes are worth a side, in quote units; null where none came."""

    window_start: int
    window_end: int
    bid: Decimal | None
    ask: Decimal | None

    @property
    def ratio(self) -> Decimal | None:
        """Ask over bid, divided as double; null unless both are above zero."""
        if not self.bid or not self.ask:
            return None
        return _half_up(Decimal(repr(float(self.ask) / float(self.bid))), _VALUE)


class Windows:
    """Takes one symbol's book messages in the order of their topic; gives the closed windows."""

    def __init__(self, *, window_s: int, watermark_s: int) -> None:
        """A window closes once an event came `watermark_s` after its end; later ones are late."""
        self._length, self._delay = window_s * SECOND_US, watermark_s * SECOND_US
        self._open: dict[int, dict[str, Decimal]] = {}
        self._seen: set[int] = set()
        self._order: deque[tuple[int, int]] = deque()
        self._newest = 0

    def take(self, message: Message) -> list[Liquidity]:
        """The windows that this message closes, oldest first; often none."""
        at = message.venue_time
        if message.kind != "book" or at is None or not message.events:
            return []
        start = at - at % self._length
        if start + self._length > self._newest - self._delay and self._add_event_id(message, at):
            self._add(start, message)
        self._newest = max(self._newest, at)
        return self._close_windows()

    def _add_event_id(self, message: Message, at: int) -> bool:
        event_id = _event_id(message)
        if event_id is None:
            return True
        if event_id in self._seen:
            return False
        self._seen.add(event_id)
        self._order.append((at, event_id))
        return True

    def _add(self, start: int, message: Message) -> None:
        sums = self._open.setdefault(start, {})
        for change in message.events:
            assert isinstance(change, BookChange)
            exact = change.price * change.remaining
            amount = _half_up(_half_up(exact, _PRODUCT), _VALUE)
            sums[change.side] = sums.get(change.side, Decimal(0)) + amount

    def _close_windows(self) -> list[Liquidity]:
        watermark = self._newest - self._delay
        while self._order and self._order[0][0] < watermark - self._delay:
            self._seen.discard(self._order.popleft()[1])
        closed = sorted(start for start in self._open if start + self._length <= watermark)
        return [
            Liquidity(start, start + self._length, sums.get("bid"), sums.get("ask"))
            for start in closed
            for sums in [self._open.pop(start)]
        ]


def _event_id(message: Message) -> int | None:
    first = message.events[0]
    if isinstance(first, BookChange) and first.venue_event_id is not None:
        return first.venue_event_id
    return message.seq[1] if message.seq else None


def _half_up(exact: Decimal, step: Decimal) -> Decimal:
    return exact.quantize(step, ROUND_HALF_UP, _WIDE)
