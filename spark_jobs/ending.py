"""How the stream's process ends: at once, or within a time whatever it waits for.

An object store or a worker that does not answer holds the JVM up, and with it the threads that
asked it. Nothing needs them to finish: an end at any point is the same as a kill, from which the
next start goes on.
"""

import logging
import os
import threading
from typing import NoReturn

from include.log import event

log = logging.getLogger("tickhouse.stream")


def end_at_once(ended: SystemExit) -> NoReturn:
    """End without waiting for any thread; the JVM ends with this process."""
    if isinstance(ended.code, str):
        log.error(event("stream failed", error=ended.code))
    logging.shutdown()
    os._exit(0 if not ended.code else 1)


def end_within(grace_s: float, stop: threading.Event) -> None:
    """Let the process end so many seconds after `stop` was set, if it has not by then."""

    def watch() -> None:
        stop.wait()
        threading.Event().wait(grace_s)
        log.warning(
            event(
                "stream ends without its last answers",
                waited_s=grace_s,
                cause="the object store, Kafka or a worker does not answer",
            )
        )
        end_at_once(SystemExit(0))

    threading.Thread(target=watch, name="end", daemon=True).start()
