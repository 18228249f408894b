"""Rate limits of venues: credits that refill, requests that wait, and refusals."""

import asyncio
import math

from aiohttp import web

from streaming.simulator.clock import Clock

_QUEUED = 5  # Gemini keeps so many waiting before it refuses


class Pool:
    """Credits: `size` at most, `per_s` more each second; full at first."""

    def __init__(self, size: float, *, per_s: float) -> None:
        self._size, self._per_s = size, per_s
        self._credits, self._refilled_at_s = float(size), 0.0

    def take(self, cost: float, now_s: float) -> bool:
        """Pay, if there is enough."""
        enough = self.wait_s(cost, now_s) == 0
        if enough:
            self.charge(cost)
        return enough

    def charge(self, cost: float) -> None:
        """Pay, whether there is enough or not; a debt delays the next payment."""
        self._credits -= cost

    def wait_s(self, cost: float, now_s: float) -> float:
        """Seconds until there is enough."""
        self._refill(now_s)
        return max(0.0, (cost - self._credits) / self._per_s)

    def _refill(self, now_s: float) -> None:
        self._credits = min(
            self._size, self._credits + max(0.0, now_s - self._refilled_at_s) * self._per_s
        )
        self._refilled_at_s = max(now_s, self._refilled_at_s)


class Throttle:
    """Gemini's limit of REST requests: above it five wait for their turn, the next get 429.

    Source: docs.gemini.com, "Rate limits".
    """

    def __init__(self, *, per_minute: int, clock: Clock) -> None:
        self._pool, self._clock = Pool(per_minute, per_s=per_minute / 60), clock
        self._each_s = 60 / per_minute

    async def refusal(self) -> web.Response | None:
        """Wait for this request's turn; the refusal where too many wait already."""
        wait_s = self._pool.wait_s(1, self._clock.now_s())
        if wait_s > _QUEUED * self._each_s:
            message = "Requests were made too frequently."
            body = {"result": "error", "reason": "RateLimit", "message": message}
            headers = {"Retry-After": str(math.ceil(wait_s))}
            return web.json_response(body, status=429, headers=headers)
        self._pool.charge(1)
        await asyncio.sleep(wait_s)
        return None
