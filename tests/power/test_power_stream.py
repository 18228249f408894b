"""The stream through power cuts: what a consumer saw is in the lake once, whenever it is cut."""

import random
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from bench.drill.counting import (
    find_lost_messages,
    find_wrong_rows,
    find_wrong_trades,
)
from bench.drill.reading import (
    CountedMessage,
    Recorder,
    RecordId,
    list_ends,
    read_topics,
)
from tests.power.sending import Record, Sending
from tests.power.servers import Servers
from tests.support.power import PowerDisk
from tests.support.services import eventually
from tests.support.stream_world import JUNK, KEY, change, trade

pytestmark = [pytest.mark.power, pytest.mark.timeout(1800)]
CUTS, LONG_CUTS = 2, 100
READY_S = 300.0
PATIENCE_S = 15.0  # a log checkpoint is seldom due: the cut then comes at any time
CHECKPOINTS = "*/_delta_log/*.checkpoint*"


@pytest.fixture
def servers(large_disk: PowerDisk, tmp_path: Path) -> Iterator[Servers]:
    servers = Servers(large_disk, tmp_path)
    yield servers
    servers.end()


def records(chance: random.Random) -> Callable[[], Record]:
    """Trades, book changes and junk, numbered."""
    number = iter(range(10**9))

    def record() -> Record:
        topic = "market.trades" if chance.random() < 0.7 else "market.book"
        if chance.random() < 0.02:
            return topic, KEY, chance.choice(JUNK)
        make = trade if topic == "market.trades" else change
        return topic, KEY, make(next(number), chance)

    return record


def commits(servers: Servers, pattern: str) -> set[Path]:
    return set(Path(servers.settings.lake).glob(pattern))


def moment(servers: Servers, cut: int, chance: random.Random) -> None:
    """Wait until the power goes: at a first commit, at a checkpoint of a log, or at any time."""
    if cut == 0:
        first = "trades/_delta_log/00000000000000000001.json"
        eventually(lambda: commits(servers, first), timeout_s=READY_S, every_s=0.002, what=first)
        return
    there = commits(servers, CHECKPOINTS)
    deadline = time.monotonic() + (PATIENCE_S if cut % 3 == 1 else chance.uniform(0, 10))
    while time.monotonic() < deadline and commits(servers, CHECKPOINTS) == there:
        time.sleep(0.002)


def wait_until_landed(
    servers: Servers, stream: subprocess.Popen[bytes], now: Mapping[RecordId, CountedMessage]
) -> None:
    """Until everything in `now` has landed, or the stream has ended."""
    ends = list_ends(now)
    eventually(
        lambda: stream.poll() is not None or servers.landed(ends),
        timeout_s=READY_S,
        every_s=0.2,
        what=f"{ends} are landed",
    )


@pytest.mark.timeout(14_400)
def test_what_was_seen_in_kafka_is_in_the_lake_once_after_every_cut(
    servers: Servers, chance: random.Random, long_run: bool, tmp_path: Path
) -> None:
    made = records(chance)
    servers.start_broker()
    servers.start_postgres()
    stream = servers.start_stream()
    for cut in range(LONG_CUTS if long_run else CUTS):
        sending = Sending(servers.settings.bootstrap, made, chance=chance)
        recorder = Recorder(servers.settings.bootstrap, tmp_path / "seen.log")
        sending.start()
        recorder.start()
        moment(servers, cut, chance)
        servers.cut(names=chance.random() < 0.5)
        seen = recorder.finish()
        sending.finish()
        servers.examine()
        servers.start_broker()
        servers.start_postgres()
        stream = servers.start_stream()
        now = read_topics(servers.settings.bootstrap)
        assert find_lost_messages(seen, now) == [], f"cut {cut}"
        wait_until_landed(servers, stream, now)
        assert stream.poll() is None, servers.last_words("stream")
        lake = servers.settings.lake
        assert find_wrong_rows(lake, now, bootstrap=servers.settings.bootstrap) == [], f"cut {cut}"
        assert find_wrong_trades(lake, now) == [], f"cut {cut}"
