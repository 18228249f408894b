"""The seam to venues' REST: one GET, its status, its body and how long it asks us to wait."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Protocol

import aiohttp

from include.errors import Unreachable

TIMEOUT_S = 15.0
OK = 200
MAX_BODY_BYTES = 16 * 1024 * 1024
# Seconds to wait after a refusal without a time to wait: a ban (418), a restricted place (451:
# nothing but a move helps, so hardly ever asked again), a firewall, a limit, maintenance.
WAIT_FOR = {401: 300.0, 403: 300.0, 418: 120.0, 429: 60.0, 451: 3600.0, 503: 30.0}
MIN_WAIT_S, MAX_WAIT_S = 1.0, 3600.0  # whatever a venue asks for
_AGENT = "tickhouse/0.1"


@dataclass(frozen=True)
class Reply:
    """An answer; `retry_after` is the header's text, empty if there is none."""

    status: int
    body: bytes
    retry_after: str = ""

    def wait_s(self, *, now_s: float, otherwise: float) -> float:
        """Seconds to wait, an hour at most: by `Retry-After` (seconds or a date) or `otherwise`."""
        text = self.retry_after.strip()
        if text.isascii() and text.replace(".", "", 1).isdecimal():
            wait_s = float(text)
        else:
            try:
                until = parsedate_to_datetime(text)  # one without a zone is UTC too
                wait_s = until.replace(tzinfo=until.tzinfo or UTC).timestamp() - now_s
            except (TypeError, ValueError, OverflowError):
                wait_s = otherwise
        return min(wait_s, MAX_WAIT_S) if wait_s > 0 else MIN_WAIT_S


class Fetch(Protocol):
    """Gets an address."""

    async def __call__(self, url: str, headers: Mapping[str, str]) -> Reply:
        """Answer with whatever status; raises Unreachable if there is no answer."""


@asynccontextmanager
async def open_fetch() -> AsyncIterator[Fetch]:
    """A Fetch over one HTTP session, closed at the end."""
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    async with aiohttp.ClientSession(
        trust_env=True, timeout=timeout, headers={"User-Agent": _AGENT}
    ) as session:

        async def fetch(url: str, headers: Mapping[str, str]) -> Reply:
            try:
                async with session.get(url, headers=headers, allow_redirects=False) as response:
                    body = await response.content.read(MAX_BODY_BYTES)
                    while len(body) < MAX_BODY_BYTES and (
                        chunk := await response.content.readany()
                    ):
                        body += chunk
                    return Reply(response.status, body, response.headers.get("Retry-After", ""))
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                raise Unreachable(f"{type(error).__name__}: {error}") from error

        yield fetch


async def fetch_alone(url: str, headers: Mapping[str, str]) -> Reply:
    """A Fetch with a session for each address, for what is seldom asked.

    Raises:
        Unreachable: there is no answer.
    """
    async with open_fetch() as fetch:
        return await fetch(url, headers)
