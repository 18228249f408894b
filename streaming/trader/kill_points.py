"""Points of a session at which a test kills the process, and the metrics count."""

from typing import Protocol

BEFORE_INTENT, AFTER_INTENT = "before intent", "after intent"
BEFORE_COMMIT, AFTER_COMMIT = "before commit", "after commit"
AFTER_SEND = "sent"
SUSPENDED = "suspended"


class KillPoints(Protocol):
    """Is called at every point; after a kill at any, the next session goes on from the journal."""

    def reach(self, point: str) -> None:
        """Called in the middle of the session; it may end the process."""


class NoKillPoints:
    """Does nothing at any point."""

    def reach(self, point: str) -> None:
        """Go on."""
