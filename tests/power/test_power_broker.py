"""Records that a consumer saw are there after a power cut, in every topic."""

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.drill.counting import (
    find_lost_messages,
)
from bench.drill.reading import (
    Recorder,
    read_topics,
)
from tests.power.sending import Record, Sending
from tests.power.servers import Servers
from tests.support.power import PowerDisk

pytestmark = pytest.mark.power
CUTS, LONG_CUTS = 3, 50
TOPICS = ("market.trades", "market.book", "market.ledger", "trading.decisions")


@pytest.fixture
def servers(large_disk: PowerDisk, tmp_path: Path) -> Iterator[Servers]:
    servers = Servers(large_disk, tmp_path)
    yield servers
    servers.end()


@pytest.mark.timeout(3600)
def test_acknowledged_records_survive_every_cut(
    servers: Servers, chance: random.Random, long_run: bool, tmp_path: Path
) -> None:
    def record() -> Record:
        return chance.choice(TOPICS), b"k", chance.randbytes(chance.choice((30, 300, 3000)))

    servers.start_broker()
    for cut in range(LONG_CUTS if long_run else CUTS):
        sending = Sending(servers.settings.bootstrap, record, chance=chance)
        recorder = Recorder(servers.settings.bootstrap, tmp_path / "seen.log")
        sending.start()
        recorder.start()
        time.sleep(chance.uniform(1, 4))
        servers.cut(names=chance.random() < 0.5)
        seen = recorder.finish()
        sending.finish()
        servers.start_broker()
        assert find_lost_messages(seen, read_topics(servers.settings.bootstrap)) == [], f"cut {cut}"
        assert seen
