"""A power cut while an installation is made: the next start makes it or goes on with it."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from include.settings import ROOT
from tests.power.servers import Servers
from tests.support.power import PowerDisk

pytestmark = pytest.mark.power
CUTS, LONG_CUTS = 2, 20
LONGEST_S = 3.0


@pytest.fixture
def servers(large_disk: PowerDisk, tmp_path: Path) -> Iterator[Servers]:
    servers = Servers(large_disk, tmp_path)
    yield servers
    servers.end()


def cut_while_preparing(servers: Servers, name: str, *, after_s: float | None) -> None:
    """Cut so many seconds after the start, or as soon as the folder is said to be made."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.power.preparing_child", name],
        env=os.environ | servers.environ,
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )
    if after_s is None:
        assert child.stdout is not None
        assert child.stdout.readline()
    else:
        time.sleep(after_s)
    servers.pids.append(child.pid)
    servers.cut(names=True)
    child.wait(30)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", ["kafka", "postgres"])
def test_a_server_starts_after_a_cut_while_its_folder_was_made(
    servers: Servers, chance: random.Random, long_run: bool, name: str
) -> None:
    for _ in range(LONG_CUTS if long_run else CUTS):
        cut_while_preparing(servers, name, after_s=chance.uniform(0.2, LONGEST_S))
    cut_while_preparing(servers, name, after_s=None)
    {"kafka": servers.start_broker, "postgres": servers.start_postgres}[name]()
