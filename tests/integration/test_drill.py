"""The short form of `./tickhouse drill`: faults, each with its sabotage; one is undetected."""

import random
from collections.abc import Iterator
from dataclasses import replace

import pytest

from bench.drill.rounds import Drill
from bench.drill.running import choose_faults
from bench.drill.sabotage import Sabotage
from bench.drill.world import DrillWorld, open_world

SEED = 22
FAULTS = ("kill-stream-after-append", "kill-trader", "venue-skips")
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def world() -> Iterator[DrillWorld]:
    with open_world(SEED, print_line=print) as world:
        world.await_first_rows()
        yield world


@pytest.fixture(scope="module")
def drill(world: DrillWorld, tmp_path_factory: pytest.TempPathFactory) -> Drill:
    return Drill(world, chance=random.Random(SEED), audited=tmp_path_factory.mktemp("audited"))


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_loses_nothing_and_its_sabotage_is_detected(drill: Drill, name: str) -> None:
    outcome = drill.run(choose_faults([name])[0])
    assert outcome.ok, outcome
    assert outcome.lost_count == 0 and outcome.sent_count == outcome.landed_count > 50


def test_a_sabotage_that_the_audit_does_not_name_fails_the_drill(drill: Drill) -> None:
    idle = Sabotage("nothing is done", "trades", lambda _settings, _chance: None)
    outcome = drill.run(replace(choose_faults(["kill-watcher"])[0], sabotage=idle))
    assert not outcome.is_detected and not outcome.ok
    assert outcome.findings == [] and outcome.lost_count == 0
