"""A feed is restarted without a hole: its bridge publishes between its old process and its new one.

Each of the three waits with open connections until the one before it has ended, and the one before
ends when it sees that (`streaming/feeds/handover.py`). supervisord starts the feed again;
the bridge ends by itself. The command that looks on may be killed at any moment.
"""

import time

from include.errors import PlatformError
from include.local.feed_files import LIVE, FeedFiles
from include.local.lock import read_lock_holder
from include.local.program import BRIDGE
from include.local.supervisor import ProcessState, SupervisorClient
from include.market.feed_shards import FeedShard, split_feed_name
from include.settings import Settings

FEED = "feed-"
LOOK_EVERY_S = 0.2
WITHIN_S = 180.0  # twice a start, and the wait of a successor for its venue
ENDS_WITHIN_S = 20.0  # from when its successor is live; one that hangs does not


def has_bridge(supervisor: SupervisorClient, name: str) -> bool:
    """Whether a running program is a feed that can hand over."""
    return supervisor.has(f"{name}{BRIDGE}") and supervisor.runs(name)


def restart_behind_bridge(settings: Settings, supervisor: SupervisorClient, name: str) -> None:
    """Restart a feed; returns when its new process publishes.

    Raises:
        PlatformError: its bridge ended before it could publish, and the feed goes on as it was.
    """
    before, bridge = _find(supervisor, name), f"{name}{BRIDGE}"
    files = FeedFiles(settings.home / "feeds", FeedShard(*split_feed_name(name.removeprefix(FEED))))
    supervisor.start(bridge)
    deadline, live_at = time.monotonic() + WITHIN_S, 0.0
    while True:
        current, is_bridged = _find(supervisor, name), _find(supervisor, bridge) is not None
        is_replaced = current is not None and (before is None or current.pid != before.pid)
        holder = read_lock_holder(files.lock)
        publishes = current is not None and holder is not None and holder.pid == str(current.pid)
        if is_replaced and publishes and not is_bridged:
            return
        if not is_bridged and not is_replaced:
            raise PlatformError(f"{name} goes on as it was: {bridge} has ended")
        if time.monotonic() > deadline:
            raise PlatformError(f"{name} was not restarted within {WITHIN_S:.0f} s")
        successor = read_lock_holder(files.successor)
        if is_replaced or successor is None or successor.note != LIVE:
            live_at = time.monotonic()
        elif time.monotonic() - live_at > ENDS_WITHIN_S:
            supervisor.stop(name)
            supervisor.start(name)
        time.sleep(LOOK_EVERY_S)


def _find(supervisor: SupervisorClient, name: str) -> ProcessState | None:
    return next((process for process in supervisor.processes() if process.name == name), None)
