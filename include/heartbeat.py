"""The main loop of this process: when it last went round, a metric that shows one that hangs.

The page of metrics is served by a thread of its own, so that it answers while the main loop hangs.
`./tickhouse status` reads the age from there (`include/local/process_pages.py`); containers ask
`/healthz` of the same server, which answers 503 then.
"""

import threading
import time
from collections.abc import Callable

MAIN_LOOP_AGE = "main_loop_age_seconds"
EVENT_LOOP_S = 15.0  # one goes round each second: it hangs when it has not for so long
LOOP_S = 60.0  # the same for a loop that waits for servers
MEANING = "how long ago the process's main loop last went round"


class Heartbeat:
    """The last time that a main loop went round; none before its first time."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._at_s: float | None = None

    def beat(self) -> None:
        """Note that the loop goes round now."""
        self._at_s = self._clock()

    @property
    def age_s(self) -> float | None:
        """Seconds since the last beat; null if there was none."""
        return None if self._at_s is None else self._clock() - self._at_s

    def checks_with_beats(self, stop: threading.Event) -> Callable[[], bool]:
        """What a loop asks whether to stop, and beats with each time."""

        def is_stopped() -> bool:
            self.beat()
            return stop.is_set()

        return is_stopped

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        """Wait for `stop` for so many seconds, and beat each of them: a pause is no hanging."""
        until = self._clock() + seconds
        while True:
            self.beat()
            if stop.wait(max(0.0, min(1.0, until - self._clock()))) or self._clock() >= until:
                return stop.is_set()


HEARTBEAT = Heartbeat()  # a process has one main loop
