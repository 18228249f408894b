"""The stream job as it is, except that it kills itself at a named point, or forgets its batches.

`python -m tests.support.stream_child POINT NTH`: at the NTH time the POINT is passed, SIGKILL.
POINT `sabotage` never dies but appends whatever it is given, batch known or not.
"""

import os
import signal
import sys
from collections.abc import Callable, Mapping
from typing import Any

from include.market.wire import TopicPartition
from spark_jobs import appends, landing, signal_publisher, stream_market

Call = Callable[..., Any]


def counted(nth: int) -> Callable[[], None]:
    """A function that ends this process at its nth call."""
    remaining = [nth]

    def passed() -> None:
        remaining[0] -= 1
        if remaining[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return passed


def before(work: Call, passed: Callable[[], None]) -> Call:
    def wrapped(*args: Any, **named: Any) -> Any:
        passed()
        return work(*args, **named)

    return wrapped


def after(work: Call, passed: Callable[[], None]) -> Call:
    def wrapped(*args: Any, **named: Any) -> Any:
        result = work(*args, **named)
        passed()
        return result

    return wrapped


appended: list[str] = []
commit = appends.Append.commit


def forgetful(self: appends.Append, ends: Mapping[TopicPartition, int]) -> None:
    """A commit that moves no watermark."""
    commit(self, {})
    appended.append(self._table)


def once_appended(passed: Callable[[], None]) -> Callable[[], None]:
    """`passed` from the first append on: a stream's first batch may be an empty one."""

    def pass_if_appended() -> None:
        if appended:
            passed()

    return pass_if_appended


def main(point: str, nth: int) -> None:
    passed = counted(nth)
    if point == "before_write":
        landing.Landing.write = before(landing.Landing.write, passed)  # type: ignore[method-assign]
    elif point == "after_files":
        landing.write_data_files = after(landing.write_data_files, passed)
    elif point == "after_delta_commit":
        appends.Append.commit = after(appends.Append.commit, passed)  # type: ignore[method-assign]
    elif point == "before_checkpoint_commit":
        landing.Landing.write = after(landing.Landing.write, passed)  # type: ignore[method-assign]
    elif point == "after_send":
        publisher = signal_publisher.SignalPublisher
        publisher._insert = before(publisher._insert, passed)  # type: ignore[method-assign]
    elif point == "after_insert":
        signal_publisher.insert_new = after(signal_publisher.insert_new, passed)
    elif point.startswith("sabotage"):
        appends.Append.commit = forgetful  # type: ignore[method-assign]
        if point == "sabotage_and_die":
            write = after(landing.Landing.write, once_appended(passed))
            landing.Landing.write = write  # type: ignore[method-assign]
    elif point != "none":
        raise SystemExit(f"no point {point!r}")
    stream_market.main()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
