"""When the process of a feed may publish: at once, or when the one before it has ended.

Until then its connections are open, and what they bring waits in memory. If the process before has
handed over, that is published behind its trades, as from another connection of the same process;
if it was killed, the connections are opened again and the hole is in the ledger.
"""

import asyncio

from include.errors import PlatformError, RejectedFrame
from include.market.events import Frame
from streaming.feeds.decoding import DecodedFrame, Decoder

MAX_WAITING_BYTES = 256 * 1024 * 1024  # of the frames of one connection


class Turn:
    """Comes once, by `begin`; `is_continued` is whether the process before has handed over."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self.is_continued = False

    @classmethod
    def start_at_once(cls) -> "Turn":
        """The turn of a process that nobody is before."""
        turn = cls()
        turn.begin(is_continued=False)
        return turn

    @property
    def has_come(self) -> bool:
        """Whether the process may publish."""
        return self._event.is_set()

    def begin(self, *, is_continued: bool) -> None:
        """Let the process publish."""
        self.is_continued = is_continued
        self._event.set()

    async def wait(self) -> None:
        """Wait until the process may publish."""
        await self._event.wait()


class WaitingFrames:
    """The frames of one connection, in order, until the turn of its process.

    A decoder that knows of no other connection reads them for what they ask of the venue, and for
    whether they hold data.
    """

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._size = 0
        self.frames: list[Frame] = []

    def take(self, frame: Frame) -> DecodedFrame:
        """Let a frame wait; gives what it asks for.

        Raises:
            PlatformError: more wait than the memory may hold.
        """
        self._size += len(frame.data)
        if self._size > MAX_WAITING_BYTES:
            raise PlatformError(f"{self._size} bytes of frames wait for the feed before to end")
        self.frames.append(frame)
        try:
            return self._decoder.decode(frame)
        except RejectedFrame as rejection:
            return DecodedFrame((), resync=rejection.needs_snapshot)
