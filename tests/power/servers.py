"""A broker, a Postgres and the stream on a disk whose power is cut, without the other processes."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from include.bus import ensure_topics
from include.lake.checkpoint import committed_offsets
from include.lake.tables import LANDED_TOPICS
from include.local import kafka, postgres
from include.local.examination import repair_what_loses_nothing
from include.market.wire import TopicPartition
from include.serving.tables import create_tables
from include.settings import ROOT, load
from tests.conftest import make_environment
from tests.support.power import PowerDisk
from tests.support.services import eventually

READY_S = 300.0


class Servers:
    """The processes of one installation on `disk`; their logs are in `logs`, beside the disk."""

    def __init__(self, disk: PowerDisk, logs: Path) -> None:
        self.disk, self.logs = disk, logs
        self.environ = make_environment(
            disk.path / "var",
            STREAM_TRIGGER_S="0.2",
            STREAM_SIGNALS_TRIGGER_S="1",
            STREAM_DRIVER_MEMORY="1g",
        )
        self.settings = load(self.environ)
        self.pids: list[int] = []

    def examine(self) -> None:
        """As `up` does it before anything starts: what loses nothing is repaired."""
        repair_what_loses_nothing(self.settings, print_line=lambda line: print(line, flush=True))

    def start_broker(self) -> None:
        """As `up` does it, topics included."""
        kafka.prepare(self.settings)
        self._start(kafka.build_command(self.settings), "kafka")
        self._wait_ready("kafka", lambda: kafka.answers(self.settings))
        ensure_topics(self.settings.bootstrap, self.settings.kafka)

    def start_postgres(self) -> None:
        """As `up` does it, databases and tables included."""
        postgres.prepare(self.settings)
        user = postgres.system_user()
        self._start(postgres.build_command(self.settings), "postgres", user=user, cwd=Path("/"))
        self._wait_ready("postgres", lambda: postgres.answers(self.settings))
        postgres.create_databases(self.settings)
        create_tables(self.settings.dsn())

    def start_stream(self) -> subprocess.Popen[bytes]:
        """The stream's process; it is not waited for."""
        return self._start([sys.executable, "-m", "spark_jobs.stream_market"], "stream")

    def cut(self, *, names: bool = False) -> None:
        """Cut the power; the disk is mounted again, nothing runs. `names`: see PowerDisk.cut."""
        self.disk.cut(*self.pids, names=names)
        self.pids.clear()

    def end(self) -> None:
        """End what still runs."""
        self.cut()

    def landed(self, ends: Mapping[TopicPartition, int]) -> bool:
        """Whether the committed batches of the landing query reach these offsets."""
        committed = committed_offsets(self.settings.home / "checkpoints" / "land" / "stream")
        return all(
            committed.get(part, 0) >= end for part, end in ends.items() if part[0] in LANDED_TOPICS
        )

    def last_words(self, name: str) -> str:
        """The end of a process's log."""
        return (self.logs / f"{name}.log").read_text(errors="replace")[-1500:]

    def _wait_ready(self, name: str, answers: Callable[[], bool]) -> None:
        try:
            eventually(answers, timeout_s=READY_S, what=f"{name} answers")
        except AssertionError as error:
            raise AssertionError(f"{error}; its log: {self.last_words(name)}") from None

    def _start(
        self, command: Sequence[str], name: str, *, user: str | None = None, cwd: Path = ROOT
    ) -> subprocess.Popen[bytes]:
        with (self.logs / f"{name}.log").open("ab") as log:
            log.write(f"\n---- started at {time.strftime('%H:%M:%S')}\n".encode())
            log.flush()
            process = subprocess.Popen(
                command,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ | self.environ,
                start_new_session=True,
                user=user,
                cwd=cwd,
            )
        self.pids.append(process.pid)
        return process
