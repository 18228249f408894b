"""An event loop whose clock jumps to the next timer once nothing is left to read.

Client and server live in one loop over real sockets of 127.0.0.1, so nothing can be under way
that the loop does not see: minutes pass in milliseconds, in the same order each time.
"""

import asyncio
import selectors
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

BEGIN_US = 1_795_219_200_000_000  # 2026-11-21 00:00 UTC
GRACE_S = 0.0001
_T = TypeVar("_T")


class JumpingSelector(selectors.DefaultSelector):
    """Reads what is there; where a wait would begin, the time is over instead."""

    now_s = 0.0

    def select(self, timeout: float | None = None) -> Any:
        found = super().select(0)
        if found or timeout is None or timeout <= 0:
            return found or (super().select(None) if timeout is None else found)
        time.sleep(GRACE_S)
        found = super().select(0)
        if not found:
            self.now_s += timeout
        return found


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop of virtual time, from zero."""

    def __init__(self) -> None:
        self.clock = JumpingSelector()
        super().__init__(self.clock)

    def time(self) -> float:
        return self.clock.now_s

    def run_in_executor(
        self, executor: Any, func: Callable[..., _T], *args: Any
    ) -> asyncio.Future[_T]:
        """Run it here and now: what a thread does is nothing that the clock could wait for."""
        done: asyncio.Future[_T] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:
            done.set_exception(error)
        return done


def now_us() -> int:
    """The virtual present of the running loop, in µs since the epoch."""
    return BEGIN_US + int(asyncio.get_running_loop().time() * 1e6)


def in_virtual_time(what: Coroutine[Any, Any, _T]) -> _T:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(what)
