"""Waiting that a stop cuts short."""

import asyncio

from include.market.venues import STOPPED


async def wait_for_stop(stop: asyncio.Event, cause: str = STOPPED) -> str:
    """Wait for the stop; returns it as the cause of an end."""
    await stop.wait()
    return cause


async def pause(stop: asyncio.Event, delay_s: float) -> None:
    """Wait so many seconds, or until the stop."""
    try:
        await asyncio.wait_for(stop.wait(), delay_s)
    except TimeoutError:
        return
