"""Whole drills: the faults one after another, or for hours at random, with slopes."""

import random
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import psutil

from bench.drill.faults import FAULTS, DrillFault
from bench.drill.rounds import Drill, DrillOutcome
from bench.drill.world import DrillWorld, open_world
from bench.measurement import MIB, Measurement
from bench.slope import Point, fit_line
from include.errors import PlatformError, SettingsError, TickhouseError
from include.local.left_overs import find_left_overs
from include.log import PrintLine

EVERY_S, SAMPLE_S = 180.0, 10.0
FEWEST = 3
LAND = "land"
Show = Callable[[DrillOutcome], None]


@dataclass(frozen=True)
class DrillPlan:
    """Which faults in which seed's order of chance; `hours` of them at random, 0: each once."""

    faults: Sequence[DrillFault]
    seed: int
    hours: float = 0.0


def choose_faults(names: Sequence[str]) -> list[DrillFault]:
    """The faults of these names, in their order; all without names.

    Raises:
        SettingsError: there is none of a name.
    """
    by_name = {fault.name: fault for fault in FAULTS}
    if unknown := [name for name in names if name not in by_name]:
        raise SettingsError(
            f"no fault is named {', '.join(unknown)}; ./tickhouse drill --list has their names"
        )
    return [by_name[name] for name in names] or list(FAULTS)


def run_drill(
    plan: DrillPlan, *, print_line: PrintLine, show: Show
) -> tuple[list[DrillOutcome], list[Measurement]]:
    """The outcomes, each also given to `show`, and the slopes of a drill of hours.

    Raises:
        PlatformError: the scratch world did not start.
    """
    chance = random.Random(plan.seed)
    outcomes: list[DrillOutcome] = []
    with (
        open_world(plan.seed, print_line=print_line) as world,
        tempfile.TemporaryDirectory(prefix="tickhouse-audited-") as audited,
        sample_world(world) as samples,
    ):
        drill = Drill(world, chance=chance, audited=Path(audited))
        print_line("the world runs; waiting for its first decisions")
        world.await_first_rows()
        for fault in _order_faults(plan, chance):
            print_line(f"{fault.name}: {fault.action}")
            try:
                outcomes.append(drill.run(fault))
            except PlatformError as error:
                if all(outcome.ok for outcome in outcomes):
                    raise
                print_line(f"the drill ends here: {error}")
                break
            show(outcomes[-1])
    return outcomes, list(_describe_slopes(samples)) if plan.hours else []


def _order_faults(plan: DrillPlan, chance: random.Random) -> Iterator[DrillFault]:
    """Each once; or one every three minutes, for hours."""
    if not plan.hours:
        yield from plan.faults
        return
    began = time.monotonic()
    while (passed_s := time.monotonic() - began) < plan.hours * 3600:
        yield chance.choice(plan.faults)
        time.sleep(max(0.0, EVERY_S - (time.monotonic() - began - passed_s)))


class WorldSample(NamedTuple):
    """Memory of all processes of a world and the lag of `land`, so many hours after the start."""

    hour: float
    memory_mib: float
    lag_messages: float | None


@contextmanager
def sample_world(world: DrillWorld) -> Iterator[list[WorldSample]]:
    """Samples that are taken while the block runs."""
    samples, stop, began = list[WorldSample](), threading.Event(), time.monotonic()

    def repeat() -> None:
        while not stop.wait(SAMPLE_S):
            hour = (time.monotonic() - began) / 3600
            samples.append(WorldSample(hour, _sum_memory_mib(world), _read_lag(world)))

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield samples
    finally:
        stop.set()
        thread.join(SAMPLE_S)


def _sum_memory_mib(world: DrillWorld) -> float:
    size = 0
    for process in find_left_overs(world.settings):
        with suppress(psutil.Error):
            size += process.memory_info().rss
    return size / MIB


def _read_lag(world: DrillWorld) -> float | None:
    """Messages that `land` has yet to read; null while Kafka gives no answer."""
    with suppress(TickhouseError):
        lags = [lag for lag in world.look().lag if lag.query == LAND]
        counts = [lag.behind for lag in lags if lag.behind is not None]
        if counts and len(counts) == len(lags):
            return float(sum(counts))
    return None


def _describe_slopes(samples: Sequence[WorldSample]) -> Iterator[Measurement]:
    """The slope of each figure an hour, and twice its standard error."""
    memory: list[Point] = [(sample.hour, sample.memory_mib) for sample in samples]
    lag: list[Point] = [
        (sample.hour, sample.lag_messages) for sample in samples if sample.lag_messages is not None
    ]
    for name, unit, points in (("memory", "MiB", memory), ("lag", "messages", lag)):
        if len(points) < FEWEST:
            raise PlatformError(f"{len(points)} samples of {name} are too few for a slope")
        slope, error = fit_line(points)
        yield Measurement.of(f"{name}, slope", slope, f"{unit}/hour")
        yield Measurement.of(f"{name}, twice the slope's standard error", error, f"{unit}/hour")
