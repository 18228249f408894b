"""What the `averages` query does with its batches: jumps once, whenever it dies, and one alert."""

import json
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

from include.lake.signal_rows import insert_new, newest_jumps
from include.lake.window_states import write_state
from include.market.signals import PublishedSignal
from include.market.time import MINUTE_US, SECOND_US
from include.settings import Settings, load
from spark_jobs import averages
from spark_jobs.averages import ORDER, PRICE, AverageBatches, AverageState
from tests.support.services import eventually

FIRST = 29_000_000 * MINUTE_US
Rows = list[tuple[int, str]]  # time (µs), price


class Publisher:
    """As the stream's: what was sent, and inserted into Delta unless it is told to fail."""

    def __init__(self, settings: Settings, **_: Any) -> None:
        self._lake, self.sent, self.fails = settings.lake, list[PublishedSignal](), False

    def resume(self, offsets: dict[int, int]) -> None:
        """Nothing was sent before."""

    def publish(self, signals: Sequence[PublishedSignal]) -> None:
        if self.fails:
            raise OSError("killed")
        self.sent += signals
        insert_new(self._lake, signals)


def frame(rows: Rows) -> Any:
    """What a batch's DataFrame gives the writer."""
    names = dict.fromkeys([*ORDER, *PRICE])
    records = [
        {"topic": "market.trades", "partition": 0, "offset": number, "venue": "gemini"}
        | {"symbol": "BTC-USD", "at_us": at, "price": Decimal(price), "received_time": at}
        for number, (at, price) in enumerate(rows)
    ]
    table = pa.table({name: [row[name] for row in records] for name in names})
    return SimpleNamespace(sparkSession=None, toArrow=lambda: table)


def minute(number: int, price: str) -> tuple[int, str]:
    return FIRST + number * MINUTE_US + SECOND_US, price


QUIET = [minute(number, f"{100 + number % 2 / 10}") for number in range(40)]
LEAP = [minute(40, "120"), minute(41, "120"), (FIRST + 42 * MINUTE_US + 6 * SECOND_US, "120")]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    settings = load({"TICKHOUSE_VAR": str(tmp_path)})
    monkeypatch.setattr(averages, "SignalPublisher", Publisher)
    monkeypatch.setattr(averages, "choose_engine", lambda *_, **__: None)
    monkeypatch.setattr(averages, "signal_ends", lambda _: {})
    write_state(settings.checkpoints / "averages" / "stream", 0, AverageState({}, {}))
    yield settings


def begin(settings: Settings) -> tuple[AverageBatches, Publisher]:
    batches = AverageBatches(None, settings)  # type: ignore[arg-type]
    return batches, batches._publisher  # type: ignore[return-value]


def jumps(publisher: Publisher) -> list[PublishedSignal]:
    return [signal for signal in publisher.sent if signal.type == "jump"]


def test_a_jump_is_sent_and_landed_once_and_is_one_alert(world: Settings) -> None:
    batches, publisher = begin(world)
    batches.write(frame(QUIET), 0)
    assert not jumps(publisher)
    batches.write(frame(LEAP), 1)
    (jump,) = jumps(publisher)
    assert (jump.venue, jump.symbol) == ("gemini", "BTC-USD") and jump.value > 6
    assert jump.window_start == FIRST + 40 * MINUTE_US
    assert newest_jumps(world.lake) == {("gemini", "BTC-USD"): jump.window_end}
    log = world.home / "alerts.log"
    eventually(log.exists)
    (alert,) = map(json.loads, log.read_text().splitlines())
    assert alert["what"] == "price_jump" and "gemini BTC-USD moved +" in alert["title"]


def test_a_kill_before_the_state_is_written_gives_the_same_jump(world: Settings) -> None:
    batches, _ = begin(world)
    batches.write(frame(QUIET), 0)
    killed, publisher = begin(world)
    publisher.fails = True
    with pytest.raises(OSError, match="killed"):
        killed.write(frame(LEAP), 1)
    again, publisher = begin(world)
    again.write(frame(LEAP), 1)
    (jump,) = jumps(publisher)
    alone, other = begin(load({"TICKHOUSE_VAR": str(world.var / "other")}))
    write_state(alone.checkpoint, 0, AverageState({}, {}))
    alone.write(frame([*QUIET, *LEAP]), 0)
    assert jumps(other) == [jump]


def test_a_new_checkpoint_sends_no_jump_that_the_table_has(world: Settings) -> None:
    batches, publisher = begin(world)
    batches.write(frame([*QUIET, *LEAP]), 0)
    assert len(jumps(publisher)) == 1
    write_state(world.checkpoints / "averages" / "stream", 1, AverageState({}, {}))
    rebuilt, publisher = begin(world)
    rebuilt.write(frame([*QUIET, *LEAP]), 1)
    assert not jumps(publisher)


def test_the_alert_can_be_turned_off(world: Settings) -> None:
    quiet = load({"TICKHOUSE_VAR": str(world.var), "TICKHOUSE_ALERTS_JUMPS": "no"})
    batches, publisher = begin(quiet)
    batches.write(frame([*QUIET, *LEAP]), 0)
    assert len(jumps(publisher)) == 1 and not (world.home / "alerts.log").exists()
