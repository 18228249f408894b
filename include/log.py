"""One event a line on standard error: `time level process event key=value ...`."""

import logging
import sys
import time
from collections.abc import Callable
from typing import Any

PrintLine = Callable[[str], None]  # shows whoever started a program one line of its progress


def start_logging(process: str, *, level: int = logging.INFO) -> logging.Logger:
    """The logger of this process, writing UTC lines to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    line = f"%(asctime)s %(levelname)s {process} %(message)s"
    formatter = logging.Formatter(line, "%Y-%m-%dT%H:%M:%SZ")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    root = logging.getLogger("tickhouse")
    root.handlers[:] = [handler]
    root.setLevel(level)
    root.propagate = False
    return root


def event(name: str, **fields: Any) -> str:
    """A log line's text: the event's name, then its fields as `key=value`."""
    return " ".join([name, *(f"{key}={_quote(value)}" for key, value in fields.items())])


def _quote(value: Any) -> str:
    text = str(value)
    return repr(text) if " " in text or "\n" in text or not text else text
