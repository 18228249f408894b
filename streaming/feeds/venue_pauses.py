"""Until when a venue does not want to be asked, for all processes of a world that ask its REST.

A refusal (429, 418, 503 and the like) is written down with the time that it asks for, an hour at
most; until then nobody asks the venue, and its refusal is the answer. A file that cannot be read
counts as none.
"""

import asyncio
import logging
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from include.errors import StateError
from include.log import event
from include.market.time import SECOND_US
from include.rate_limiter import RateLimiter
from include.state_files import read_checked_file, write_checked_file
from streaming.feeds.fetch import MAX_WAIT_S, WAIT_FOR, Fetch, Reply

PAUSES_FILE = "venue_pauses.json"
_VERSION = re.compile(r"v?\d+")

log = logging.getLogger("tickhouse.feeds")


class Pause(msgspec.Struct, frozen=True):
    """The status by which a venue refused, and until when (µs UTC) it is left alone."""

    status: int
    until_us: int


class ObedientFetch:
    """A Fetch that leaves a venue alone while it asks for it, and keeps a pace where one is set."""

    def __init__(
        self,
        fetch: Fetch,
        folder: Path,
        *,
        now_us: Callable[[], int],
        limiter: RateLimiter | None = None,
    ) -> None:
        """Pauses lie in `folder`, which the processes share."""
        self._fetch, self._path, self._now_us = fetch, folder / PAUSES_FILE, now_us
        self._limiter = limiter

    async def __call__(self, url: str, headers: Mapping[str, str]) -> Reply:
        """Answer with whatever status.

        Raises:
            Unreachable: there is no answer.
        """
        root = root_of(url)
        if self._limiter is not None:
            await asyncio.sleep(self._limiter.claim(asyncio.get_running_loop().time()))
        pause = self._read().get(root)
        if pause is not None:
            left_s = (pause.until_us - self._now_us()) / SECOND_US
            return Reply(pause.status, b"", f"{left_s:.3f}")
        reply = await self._fetch(url, headers)
        if reply.status in WAIT_FOR:
            self._hold(root, reply)
        return reply

    def _hold(self, root: str, reply: Reply) -> None:
        now_us = self._now_us()
        wait_s = reply.wait_s(now_s=now_us / SECOND_US, otherwise=WAIT_FOR[reply.status])
        pause = Pause(reply.status, now_us + int(wait_s * SECOND_US))
        log.warning(event("venue asks for a pause", root=root, status=reply.status, wait_s=wait_s))
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_checked_file(self._path, self._read() | {root: pause})
        except OSError as error:  # a full disk must not end a feed
            log.warning(event("pause of a venue not written", error=error))

    def _read(self) -> dict[str, Pause]:
        """The pauses that last; what reaches further than any may comes from a wrong clock."""
        try:
            pauses = read_checked_file(self._path, dict[str, Pause]) or {}
        except StateError as error:
            log.warning(event("pauses of venues forgotten", error=error))
            return {}
        now_us = self._now_us()
        latest_us = now_us + int(MAX_WAIT_S * SECOND_US)
        return {root: p for root, p in pauses.items() if now_us < p.until_us <= latest_us}


def root_of(url: str) -> str:
    """Where a venue's REST begins, by an address of it: host, and path up to the version."""
    parts = urlsplit(url)
    segments = parts.path.split("/")
    version = next((n for n, segment in enumerate(segments) if _VERSION.fullmatch(segment)), 0)
    return parts.netloc + "/".join(segments[: version + 1])
