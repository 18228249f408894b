"""The rows of feed_health are what the whole ledger says, read at once or bit by bit."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from include.market.feed_entries import FeedEntry
from include.market.feed_states import FeedState, FeedStates
from include.market.time import from_epoch_us
from include.serving import feed_health
from include.serving.feed_health import LandedEntry, LandedStates
from tests.support.lake_of_rows import put

ENTRIES = (
    ("connect", "start"),
    ("disconnect", "reset"),
    ("stale", "silent"),
    ("recovered", "frame"),
    ("recovered", "snapshot"),
    ("gap", "missing"),
    ("gap", "between_connections"),
    ("healed", "refilled by REST"),
    ("dropped", "spool full: trade"),
    ("jump", "unconfirmed"),
)
AT_US = 1_795_000_000_000_000


def list_ledger(seed: int, count: int) -> list[tuple[int, FeedEntry]]:
    """Entries of three symbols with their partitions, at the offsets 0, 1, 2 …"""
    chance, rows = random.Random(seed), []
    for offset in range(count):
        (kind, cause), process = chance.choice(ENTRIES), 1 + offset * 3 // count
        partition = chance.randrange(3)
        conn = f"gemini-{process}-{chance.randrange(3)}"
        first = chance.randrange(4)
        has_numbers = kind not in {"connect", "disconnect", "stale", "recovered"}
        numbers = (first, first + 1) if has_numbers else (None, None)
        entry = FeedEntry("gemini", f"S{partition}", conn, kind, cause, *numbers, AT_US + offset)
        rows.append((partition, entry))
    return rows


def row_of(state: FeedState) -> dict[str, Any]:
    since = from_epoch_us(state.since_us)
    return {"venue": "gemini", "state": state.state, "since": since, "cause": state.cause}


def land(lake: Path, ledger: Sequence[tuple[int, tuple[int, FeedEntry]]]) -> None:
    rows: list[dict[str, Any]] = []
    for offset, (partition, entry) in ledger:
        values = entry._asdict()
        received_at = from_epoch_us(values.pop("at_us"))
        rows.append(
            {"partition": partition, "offset": offset, "received_time": received_at, **values}
        )
    put(lake, "feed_ledger", rows)


@pytest.mark.parametrize("rows_at_once", [1, 10_000])
def test_all_entries_that_have_landed_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows_at_once: int
) -> None:
    monkeypatch.setattr(feed_health, "ROWS_AT_ONCE", rows_at_once)
    ledger = list_ledger(7, 90)
    whole = FeedStates()
    for _, entry in ledger:
        whole.take(entry)
    land(tmp_path, list(enumerate(ledger))[::-1])  # files lie in any order
    state = whole.state_of("gemini")
    assert state is not None
    assert LandedStates(str(tmp_path)).list_rows(["gemini"]) == [row_of(state)]


@pytest.mark.parametrize("seed", range(6))
def test_what_lands_later_counts_once(tmp_path: Path, seed: int) -> None:
    ledger = list_ledger(seed, 60)
    numbered = list(enumerate(ledger))
    land(tmp_path, numbered[:40])
    states = LandedStates(str(tmp_path))
    repeated = [LandedEntry(p, n, 0, entry) for n, (p, entry) in numbered[20:]]
    assert states.take(repeated) == {"gemini"}
    assert states.take(repeated) == set()
    land(tmp_path, numbered[40:])
    assert states.list_rows(["gemini"]) == LandedStates(str(tmp_path)).list_rows(["gemini"])


def test_a_lake_without_a_ledger_has_no_feeds(tmp_path: Path) -> None:
    states = LandedStates(str(tmp_path))
    assert states.venues == [] and states.list_rows(["gemini"]) == []


def test_a_row_has_the_symbol_and_the_time(tmp_path: Path) -> None:
    down = FeedEntry("gemini", "S1", "gemini-1-1", "disconnect", "reset", None, None, AT_US)
    land(tmp_path, [(0, (0, down))])
    states = LandedStates(str(tmp_path))
    assert states.list_rows(states.venues) == [
        row_of(FeedState("disconnected", AT_US, "S1: reset"))
    ]
