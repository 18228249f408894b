"""The simulated venues with faults, recorded into one tape: read again connection by connection."""

import asyncio
from pathlib import Path

import pytest

from include.market.events import Frame, LedgerEntry, Message
from include.settings import load
from streaming.feeds.recorded_connections import numbered_connections
from streaming.trader.rehearsal.tapes import moments_of_tapes
from tests.support.feed_world import SERVICES, SYMBOL, spec_of, world
from tests.support.joined_tapes import join
from tests.support.virtual_time import in_virtual_time

MARKED = [service for service in SERVICES if service != "binance"]
SECONDS = 400


def recorded(service: str, tmp_path: Path) -> list[tuple[str, Frame]]:
    """Connection and frame of all that a feed got, cut twice."""
    venue = service.partition(" ")[0]
    frames: list[tuple[str, Frame]] = []

    async def cut_twice() -> None:
        faults = [
            {"fault": "close", "venue": venue, "connection": number, "age_s": age_s}
            for number, age_s in ((1, 90), (2, 130))
        ]
        async with world(
            service, *faults, tmp=tmp_path, record=lambda conn, frame: frames.append((conn, frame))
        ) as found:
            await asyncio.sleep(SECONDS)
            assert len(found.causes("connect")) == 3

    in_virtual_time(cut_twice())
    return frames


@pytest.mark.parametrize("service", MARKED)
def test_the_connections_of_a_tape_are_those_that_were_recorded(
    service: str, tmp_path: Path
) -> None:
    frames = recorded(service, tmp_path)
    spec = spec_of(service, "http://127.0.0.1")
    numbers = [
        number for number, _ in numbered_connections([f for _, f in frames], spec.name_start)
    ]
    assert [f"c{number}" for number in numbers] == [conn for conn, _ in frames]
    assert set(numbers) == {0, 1, 2}


@pytest.mark.parametrize("service", ["gemini v1", "gemini current"])  # v2 has no times of books
def test_a_replay_sees_the_book_of_each_connection(service: str, tmp_path: Path) -> None:
    frames = recorded(service, tmp_path)
    venue, _, version = service.partition(" ")
    tape = join(tmp_path / f"gemini_{version}" / "btcusd_cut", [frame for _, frame in frames])
    settings = load({"TICKHOUSE_TRADER_VENUE": venue, "TICKHOUSE_TRADER_SYMBOL": SYMBOL[venue]})
    ledger: list[Message] = []
    moments = list(moments_of_tapes([tape], settings, ledger=ledger.append))
    starts = [moment.signal.window_start for moment in moments]
    assert len(starts) >= SECONDS // 60 - 2
    assert starts == list(range(starts[0], starts[-1] + 1, 60_000_000))
    for moment in moments:
        assert moment.top is not None and moment.top.best is not None
        assert moment.signal.timestamp - moment.top.venue_time < 10_000_000
    entries = [entry for message in ledger for entry in message.events]
    kinds = [entry.entry for entry in entries if isinstance(entry, LedgerEntry)]
    assert [kind for kind in kinds if kind != "gap"] == ["connect", "disconnect"] * 3
