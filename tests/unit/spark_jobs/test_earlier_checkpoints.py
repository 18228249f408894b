"""Checkpoints that were kept of a run of each schema: a later program goes on from them.

`land` had committed batch 2 when the run ended, `signals` and `averages` had a state of windows.
"""

import shutil
from pathlib import Path

import pytest

from include.lake.checkpoint import committed_offsets
from include.lake.diagnosis import QUERIES, find_query_damage
from include.lake.epoch import read_epoch
from include.lake.window_states import read_state
from include.market.wire import TopicPartition
from spark_jobs.averages import AverageState
from spark_jobs.signals import SignalState
from tests.support.worlds import WORLDS

CHECKPOINTS = sorted(WORLDS.glob("schema_*/checkpoints"))
NEWEST_BATCH = 3


@pytest.mark.parametrize("folder", CHECKPOINTS, ids=lambda path: path.parent.name)
def test_each_query_goes_on_behind_what_it_had_committed(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "checkpoints")
    assert {query: find_query_damage(tmp_path, query) for query in QUERIES} == dict.fromkeys(
        QUERIES
    )
    committed = committed_offsets(tmp_path / "checkpoints/land/stream")
    landed = {str(part): offset for part, offset in committed.items() if offset}
    assert landed == {"market.trades/0": 9129, "market.book/0": 3871}
    epoch = read_epoch(tmp_path / "checkpoints/land/epoch.json")
    assert epoch is not None and epoch.starts[TopicPartition("market.trades", 0)] == 0


@pytest.mark.parametrize("folder", CHECKPOINTS, ids=lambda path: path.parent.name)
def test_the_windows_that_were_open_are_open_again(folder: Path) -> None:
    signals = read_state(folder / "signals/stream", NEWEST_BATCH, SignalState)
    assert list(signals.windows.books) == ["gemini|BTC-USD"]
    assert signals.windows.books["gemini|BTC-USD"].open
    averages = read_state(folder / "averages/stream", NEWEST_BATCH, AverageState)
    assert averages
