"""The reconnect matrix: each websocket venue, each way to lose it, against the simulator.

Time is virtual. Each ends with a live feed again, and with ledger rows of its cause and its hole.
"""

import asyncio
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from tests.support.feed_world import SERVICES, World, world
from tests.support.virtual_time import in_virtual_time

ONE = {"connection": 1}
WAYS: dict[str, tuple[list[dict[str, Any]], float, list[str]]] = {
    # (a handshake that is dropped is tried once more at once by the HTTP client itself)
    # the faults, how long to watch, and how the story begins
    "handshake": (
        [{"fault": "refuse", "times": 2, **ONE}],
        20,
        ["c0 disconnect refused: ", "c1 connect refused: "],
    ),
    "handshake 503": (
        [{"fault": "refuse", "status": 503, "headers": {"Retry-After": "7"}, **ONE}],
        20,
        ["c0 disconnect refused: http 503", "c1 connect refused: http 503"],
    ),
    "after subscribe": (
        [{"fault": "close", "message": 1, "code": 1001, **ONE}],
        20,
        ["c0 connect start", "c0 disconnect closed 1001", "c1 connect closed 1001"],
    ),
    "reset": (
        [{"fault": "close", "message": 9, **ONE}],
        20,
        ["c0 connect start", "c0 disconnect ", "c1 connect "],
    ),
    "mid-message": (
        [{"fault": "cut", "message": 9, **ONE}],
        20,
        ["c0 connect start", "c0 disconnect closed 1006", "c1 connect closed 1006"],
    ),
    "back-off": (
        [
            {"fault": "close", "message": 9, "code": 1012, **ONE},
            {"fault": "refuse", "connection": 2, "times": 3, "status": 500},
        ],
        20,
        [
            "c0 connect start",
            "c0 disconnect closed 1012",
            "c1 disconnect refused: ",
            "c2 disconnect refused: ",
            "c3 disconnect refused: ",
            "c4 connect refused: ",
        ],
    ),
    "silent": (
        [{"fault": "silence", "heartbeats": False, "message": 9, **ONE}],
        90,
        ["c0 connect start", "c1 connect silent", "c0 disconnect renewed"],
    ),
    "partition": (
        [{"fault": "partition", "for_s": 70, "message": 9, **ONE}],
        120,
        ["c0 connect start", "c0 disconnect silent", "c1 disconnect refused: TimeoutError"],
    ),
}


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("way", WAYS)
def test_a_lost_connection_ends_live_with_its_cause_and_hole(
    service: str, way: str, tmp_path: Path
) -> None:
    faults, watched_s, begins = deepcopy(WAYS[way])

    async def story() -> None:
        async with world(service, *faults, tmp=tmp_path) as found:
            await asyncio.sleep(watched_s)
            assert all(await found.struck())
            lines = found.story()
            assert len(lines) >= len(begins), lines
            if (service, way) == ("deribit", "silent"):  # its test request was not answered
                begins[1:] = ["c0 disconnect closed 1000", "c1 connect closed 1000"]
            for line, begin in zip(lines, begins, strict=False):
                assert line.startswith(begin), lines
            await _live(found)
            await _accounted(found, service)

    in_virtual_time(story())


async def _live(found: World) -> None:
    """Data come on a connection after the first, with a valid book."""
    before = len(found.messages)
    await asyncio.sleep(3)
    news = found.messages[before:]
    assert {one.conn for one in news} and all(one.conn != "c0" for one in news)
    assert [one for one in news if one.kind == "book"][-1].top is not None
    assert not [one for one in news if one.kind in {"reject", "ledger"}]


async def _accounted(found: World, service: str) -> None:
    """Each trade since the first one published was published once, or is in a gap row."""
    ids = found.trade_ids()
    assert ids and len(ids) == len(set(ids))
    if service.startswith("gemini"):
        trades = await found.get("/v1/trades/btcusd?limit_trades=500")
        made = {one["tid"] for one in trades if ids[0] <= one["tid"] <= max(ids)}
    else:
        made = set(range(min(_numbers(found)), max(_numbers(found)) + 1))
        ids = _numbers(found)
    missing = made - set(ids)
    assert missing <= found.holes()
    assert len(made) > 3


def _numbers(found: World) -> list[int]:
    """Numbers of trades as the venue counts them: ids, or Deribit's `trade_seq`."""
    return [n for m in found.of("trade") if m.seq for n in range(m.seq[0], m.seq[1] + 1)]
