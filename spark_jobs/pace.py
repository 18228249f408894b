"""When the next batch of `signals` is worth its cost: a window's end, or a while.

A batch costs the same whatever it holds, so there is one every few seconds, and the next right
when a window has ended by its venue's clock: a quick trigger would cost a part of a core all day
for one moment a minute. The wait is within Spark's batch, so Spark's own batch times contain it;
the progress file leaves it out.
"""

from include.market.time import SECOND_US, clock_time
from include.market.windows import SILENCE_US, BookFlow, Windows

LEAD_US = 700_000  # a batch so long before an end leaves the next one little to read
OVERDUE_US = SILENCE_US + SECOND_US  # a window that nothing has closed by then waits for long


class Pace:
    """Knows how far behind its venue's clock each symbol's messages come in."""

    def __init__(self, *, idle_s: float) -> None:
        """`idle_s` is the longest pause."""
        self._idle_us = int(idle_s * SECOND_US)
        self._delays_us: dict[str, int] = {}

    def observe(self, flow: BookFlow) -> None:
        """Take a message in."""
        if flow.venue_time is not None:
            name = f"{flow.venue}|{flow.symbol}"
            clock_us = clock_time(flow.venue_time, flow.received_time)
            self._delays_us[name] = flow.received_time - clock_us

    def pause_s(self, windows: Windows, *, now_us: int) -> float:
        """Seconds until the next batch should begin."""
        waits = [
            end + self._delays_us.get(name, 0) - now_us for name, end in windows.next_closings()
        ]
        wait = min((wait for wait in waits if wait > -OVERDUE_US), default=self._idle_us)
        if wait > LEAD_US:
            wait -= LEAD_US
        return max(0, min(wait, self._idle_us)) / SECOND_US
