"""Disks for power cuts, and how many cuts."""

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.power import PowerDisk, power_disk, unavailable

SMALL_MB, LARGE_MB = 256, 6144
LONG_CUTS = 200


@pytest.fixture(scope="session")
def _power() -> None:
    """Skip where no power can be cut."""
    if reason := unavailable():
        pytest.skip(reason)


@pytest.fixture
def disk(_power: None, tmp_path: Path) -> Iterator[PowerDisk]:
    """A small disk for one mechanism."""
    with power_disk(tmp_path, size_mb=SMALL_MB) as disk:
        yield disk


@pytest.fixture
def large_disk(_power: None, tmp_path: Path) -> Iterator[PowerDisk]:
    """A disk for an installation."""
    with power_disk(tmp_path, size_mb=LARGE_MB) as disk:
        yield disk


@pytest.fixture
def long_run(request: pytest.FixtureRequest) -> bool:
    """Whether `--long` asks for some hundred cuts."""
    return bool(request.config.getoption("--long"))


@pytest.fixture
def chance() -> random.Random:
    """Where cuts fall: POWER_SEED repeats a run."""
    seed = int(os.environ.get("POWER_SEED", random.randrange(10**6)))
    print(f"POWER_SEED={seed}")
    return random.Random(seed)
