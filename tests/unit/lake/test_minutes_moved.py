"""Minutes of readers at other offsets, and of a history that is counted some hours at a time."""

import random
from datetime import timedelta
from pathlib import Path

import pytest

from include.lake import minutes
from include.lake.audit.landed_minutes import LandedMinutes
from include.lake.recounted_minutes import minutes_before
from tests.support.landed_rows import AT, land, trade

TRADES = 60


def land_trades(path: Path, chance: random.Random) -> str:
    """Some late, some repeated, over some three days; file by file."""
    rows = [
        trade(
            offset,
            str(chance.randrange(TRADES)),
            chance.choice(("buy", "sell")),
            "10",
            "1",
            s=chance.randrange(3 * 86_400),
        )
        for offset in range(TRADES)
    ]
    for first in range(0, TRADES, 7):
        land(path, "trades", rows[first : first + 7])
    return str(path)


@pytest.mark.parametrize("seed", range(4))
def test_minutes_of_another_reader_are_those_that_it_would_count(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    lake = land_trades(tmp_path, chance)
    landed = LandedMinutes(lake)
    for _ in range(4):
        offsets = {0: chance.randrange(TRADES + 2)}
        moved, counted = landed.minutes_at(offsets), minutes_before(lake, offsets)
        in_order = moved.sort_by(
            [("venue", "ascending"), ("symbol", "ascending"), ("minute", "ascending")]
        )
        assert in_order.to_pylist() == counted.to_pylist(), (seed, offsets)


def test_a_history_is_counted_in_parts_as_it_is_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = land_trades(tmp_path, random.Random(7))
    parts = []
    count_part = minutes._recompute_chunk

    def count_and_note(*given: object, **more: object) -> object:
        part = count_part(*given, **more)  # type: ignore[arg-type]
        parts.append(part["minute"].to_pylist())
        return part

    monkeypatch.setattr(minutes, "_recompute_chunk", count_and_note)
    in_parts = minutes_before(lake, {0: TRADES})
    assert len(parts) > 8
    assert all(max(part) - min(part) < timedelta(hours=6) for part in parts)
    monkeypatch.setattr(minutes, "CHUNK_HOURS", 24 * 365)
    parts.clear()
    assert minutes_before(lake, {0: TRADES}) == in_parts
    assert len(parts) <= 2
    assert in_parts["minute"][0].as_py() >= AT
