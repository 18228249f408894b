"""The whole platform through power cuts: one `up` each, nothing lost, nothing doubled."""

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from include.lake.tables import LANDED
from include.local.class_archive import ensure_class_archive
from include.local.jars import ensure_jars
from include.local.java import ensure_java
from tests.power.conftest import LARGE_MB
from tests.power.powered_platform import (
    UP_S,
    Moment,
    PoweredPlatform,
    at_any_time,
    first_commit_of,
    in_a_log_checkpoint,
    in_compaction,
    in_loading,
    in_training,
)
from tests.support.absences import describe_absence
from tests.support.power import power_disk

pytestmark = [pytest.mark.power, pytest.mark.timeout(12 * 3600)]
FIRST_UP_S = 400.0
LATER: tuple[Moment, ...] = (in_training, in_compaction, in_a_log_checkpoint, at_any_time)
EARLY = tuple(
    first_commit_of(name)
    for name in (*(table.name for table in LANDED), "history_staging", "quality_results")
)
LONG_WORLDS, LONG_CUTS_A_WORLD = 20, 10


@pytest.fixture
def folder(_power: None, tmp_path: Path, long_run: bool) -> Path:
    """With what an installation makes once for all worlds made already."""
    if not long_run:
        pytest.skip(
            describe_absence(
                "cuts of the whole platform take minutes each",
                command="./tickhouse test tests/power --long",
            )
        )
    ensure_java()
    ensure_jars()
    ensure_class_archive(print)
    return tmp_path


@pytest.fixture
def platform(folder: Path) -> Iterator[PoweredPlatform]:
    with power_disk(folder, size_mb=LARGE_MB) as disk:
        platform = PoweredPlatform(disk, folder)
        yield platform
        platform.end()


def cut_in_first_seconds(platform: PoweredPlatform, chance: random.Random) -> None:
    starting = platform.begin_start()
    time.sleep(chance.uniform(1, 40))
    platform.cut(names=chance.random() < 0.5)
    starting.wait(60)


def cut_and_check(platform: PoweredPlatform, moment: Moment, chance: random.Random) -> None:
    platform.record()
    moment(platform, chance)
    platform.cut(names=chance.random() < 0.5)
    platform.start(within_s=UP_S)
    platform.check()


def test_one_up_after_each_of_a_few_cuts(platform: PoweredPlatform, chance: random.Random) -> None:
    cut_in_first_seconds(platform, chance)
    platform.start(within_s=FIRST_UP_S)
    for moment in (in_loading, in_training, in_compaction):
        cut_and_check(platform, moment, chance)


@pytest.mark.parametrize("world", range(LONG_WORLDS))
def test_one_up_after_each_of_hundreds_of_cuts(
    folder: Path, chance: random.Random, world: int
) -> None:
    with power_disk(folder, size_mb=LARGE_MB) as disk:
        platform = PoweredPlatform(disk, folder)
        try:
            cut_in_first_seconds(platform, chance)
            starting = platform.begin_start()
            EARLY[world % len(EARLY)](platform, chance)
            platform.cut(names=chance.random() < 0.5)
            starting.wait(60)
            platform.start(within_s=FIRST_UP_S)
            cut_and_check(platform, in_loading, chance)
            for cut in range(LONG_CUTS_A_WORLD - 3):
                cut_and_check(platform, LATER[cut % len(LATER)], chance)
        finally:
            platform.end()
