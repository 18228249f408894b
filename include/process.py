"""The entry point that every long-running process shares, and the errors of a job.

A process logs, reads the settings of its environment, works until SIGTERM or SIGINT, and ends with
exit code 0; an error of ours is one log line and exit code 1. Signals are handled here alone.
"""

import asyncio
import logging
import signal
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from include.errors import TickhouseError, Transient
from include.log import event, start_logging
from include.settings import Settings, from_environment

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
EXIT_PERMANENT, EXIT_TRANSIENT = 1, 75


def run_process(name: str, serve: Callable[[Settings, threading.Event], None]) -> None:
    """Run `serve` until it returns; its event is set when the process shall stop.

    `name` is that of its log lines. `serve` is called in the main thread.
    """

    def run() -> None:
        stop = threading.Event()
        for number in STOP_SIGNALS:
            signal.signal(number, lambda *_: stop.set())
        serve(from_environment(), stop)

    _run(name, run)


def run_async_process(
    name: str, serve: Callable[[Settings, asyncio.Event], Coroutine[Any, Any, None]]
) -> None:
    """Run the coroutine `serve` likewise, on an event loop of its own."""

    async def serve_until_stop() -> None:
        stop = asyncio.Event()
        for number in STOP_SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await serve(from_environment(), stop)

    _run(name, lambda: asyncio.run(serve_until_stop()))


def unwind_on_sigterm(ending: BaseException) -> None:
    """Raise `ending` in the main thread at SIGTERM: what is open is closed on the way out."""

    def unwind(*_: object) -> None:
        raise ending

    signal.signal(signal.SIGTERM, unwind)


@contextmanager
def run_job(name: str) -> Iterator[logging.Logger]:
    """Log as `name`; end the job at an error of ours with one line, `error: Class: message`.

    `orchestration.subprocesses` reads that line of standard error and raises the same error in the
    parent process. The exit code is 75 (EX_TEMPFAIL of sysexits.h) if another try may help, else 1.
    """
    log = start_logging(name)
    try:
        yield log
    except TickhouseError as error:
        sys.stderr.write(f"error: {type(error).__name__}: {error}\n")
        sys.exit(EXIT_TRANSIENT if isinstance(error, Transient) else EXIT_PERMANENT)


def _run(name: str, main: Callable[[], None]) -> None:
    log = start_logging(name)
    try:
        main()
    except TickhouseError as error:
        log.error(event("process failed", error=error))
        sys.exit(EXIT_PERMANENT)
    log.info(event("process stopped"))
