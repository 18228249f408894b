"""Any process may be killed at any moment: it comes back, and nothing is lost or doubled."""

import os
import random
import re
import signal
import time
from collections.abc import Iterator

import pytest

from include.lake.checkpoint import committed_offsets
from tests.support.documents import COMMANDS, words_of
from tests.support.services import eventually
from tests.support.whole_platform import PlatformRun, up

SEED = int(os.environ.get("KILL_SEED", random.randrange(10**6)))
# The documents' commands that only read a world; a report's SQL is answered by tests of its own.
READING = re.compile(
    r"\./tickhouse (report decision_reasons|tail \w|logs trader|holes list|forecast list|doctor$)"
)
READ = [command for command in COMMANDS if READING.match(command)]
KILLED = ["stream", "feed-gemini", "kafka", "trader", "stream"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlatformRun]:
    """The simulated world, an hour of history to train on."""
    var = tmp_path_factory.mktemp("kills") / "var"
    with up(PlatformRun(var, SIMULATOR_HISTORY_DAYS="3", SIMULATOR_SPEED="4")) as platform:
        yield platform


@pytest.mark.timeout(1200)
def test_killed_processes_come_back_and_the_audit_stays_clean(run: PlatformRun) -> None:
    print(f"seed {SEED}")
    rng = random.Random(SEED)
    eventually(lambda: run.rows() > 100, timeout_s=120, every_s=1, what="rows are landing")
    for name in KILLED:
        pid = run.pid(name)
        assert pid is not None, name
        before = run.rows()
        os.kill(pid, signal.SIGKILL)
        eventually(
            lambda name=name, pid=pid: run.pid(name) not in {None, pid},
            timeout_s=60,
            every_s=0.5,
            what=f"{name} comes back",
        )
        eventually(
            lambda before=before: run.rows() > before,
            timeout_s=150,
            every_s=1,
            what=f"rows land again after {name} was killed",
        )
        time.sleep(rng.uniform(0, 3))  # where in a batch the next kill falls
    # That the stream was started four times within minutes stays a cause for five of them.
    run.await_ok(within_s=120, besides="times in 5 minutes")
    # The audit looks below the checkpoint: the batch after the last kill must be committed.
    checkpoint = run.settings.home / "checkpoints" / "land" / "stream"
    eventually(
        lambda: sum(committed_offsets(checkpoint).values()) > 1500,
        timeout_s=240,
        every_s=1,
        what="the batch after the last kill is committed",
    )
    report = run.told("audit", "--json")
    assert report["ok"], report["checks"]
    assert sum(one["landed"] for one in report["partitions"]) > 1000


def test_no_frame_of_a_connection_is_missing(run: PlatformRun) -> None:
    """Gemini numbers the frames of a connection from 0: the lake has each number of each."""
    statement = (
        "SELECT conn, count(DISTINCT seq_first) AS frames, max(seq_first) + 1 AS numbered"
        " FROM book_changes WHERE venue = 'gemini' GROUP BY conn"
    )
    # The killed feed's successor waits in its spool while the broker and the stream come back.
    eventually(
        lambda: len(run.sql(statement)) >= 2,
        timeout_s=240,
        every_s=1,
        what="frames of the connection after the kill are landed",
    )
    assert [one for one in run.sql(statement) if one["frames"] != one["numbered"]] == []


def test_the_commands_of_the_documents_that_only_read_are_answered(run: PlatformRun) -> None:
    assert len(READ) > 7
    answers = {command: run.verb(*words_of(command)) for command in READ}
    assert {c: done.stderr for c, done in answers.items() if done.returncode} == {}
    silent = [c for c, done in answers.items() if not done.stdout.strip()]
    assert [c for c in silent if "--filter" not in c] == []
    assert [c for c, done in answers.items() if "Traceback" in done.stderr] == []
