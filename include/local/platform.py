"""The whole platform on this machine: up in the right order, down, and what is running."""

import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import psutil

from include.errors import PlatformError, TickhouseError, Unreachable
from include.local import airflow, kafka, kafka_folders, postgres, preflight, restarts, supervisor
from include.local.airflow_database import Migration
from include.local.class_archive import ensure_class_archive
from include.local.examination import repair_what_loses_nothing
from include.local.jars import ensure_jars, jars_are_fetched
from include.local.java import ensure_java
from include.local.left_overs import MARKER, end_left_overs
from include.local.programs import FEEDS_STAGE, Program, programs
from include.serving.stream_progress import progress_file
from include.serving.tables import create_tables
from include.settings import Settings

Say = Callable[[str], None]
STOP_SLACK_S = 10.0


class Platform:
    """One world's processes under supervisord.

    `make_topics` creates the Kafka topics; `before_feeds` runs when all but feeds and what
    follows them works (a tape waits there for its forecast). `say` prints each step.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        say: Say,
        make_topics: Callable[[], None],
        before_feeds: Callable[[], None] = lambda: None,
    ) -> None:
        self.before_feeds = before_feeds
        self.settings = settings
        self.say = say
        self.make_topics = make_topics
        self.supervisor = supervisor.SupervisorClient(settings)
        self._migration: Migration | None = None

    def up(self) -> None:
        """Start everything and wait until it works; what fails is taken down again.

        Raises:
            PlatformError: says what is missing or did not start, and what to do.
        """
        self._fetch_needs()
        preflight.check(self.settings)
        repair_what_loses_nothing(self.settings, say=self.say)
        for prepare in (kafka.prepare, postgres.prepare, airflow.prepare):
            prepare(self.settings)
        progress_file(self.settings).unlink(missing_ok=True)
        restarts.forget(self.settings.home)
        world_programs = programs(self.settings)
        configuration = supervisor.write_configuration(self.settings, world_programs)
        supervisor.start(self.settings, configuration, process_environment(self.settings))
        try:
            self._start(world_programs)
        except Unreachable as error:
            if self.supervisor.is_running():
                self._take_down()
                raise
            end_left_overs(self.settings)
            raise PlatformError("it was taken down while it started") from error
        except BaseException:
            self._take_down()
            raise

    def _take_down(self) -> None:
        self.say("taking down what was started")
        self.down()

    def down(self) -> None:
        """Stop everything; returns when no process of this world is left.

        What outlives supervisord is ended too: Airflow's running tasks are in sessions of their
        own, with JVMs that would go on writing beside the next `up`.
        """
        if self._migration is not None:
            self._migration.stop()
        pid = supervisor.supervisor_pid(self.settings)
        if self.supervisor.is_running():
            with suppress(Unreachable):  # another `down` was faster
                self._stop_programs()
                self.supervisor.shutdown()
        if pid is not None:
            _wait_for_exit(pid)
        end_left_overs(self.settings)

    def _stop_programs(self) -> None:
        """Supervisord stops one after the other: what needs the broker and the database first."""
        above = [program for program in programs(self.settings) if program.stage > 0]
        longest = max(program.stop_s for program in above)
        self.supervisor.stop_together(
            [program.name for program in above], within_s=longest + STOP_SLACK_S
        )

    def _fetch_needs(self) -> None:
        self.say(f"Java: {ensure_java()}")
        if not jars_are_fetched():
            self.say("fetching jars for Spark and Kafka (63 MB, once)")
        ensure_jars()
        ensure_class_archive(self.say)

    def _start(self, world_programs: list[Program]) -> None:
        self._stage(world_programs, 0)
        postgres.create_databases(self.settings)
        create_tables(self.settings.dsn())
        self.make_topics()
        self._bring_back_strays(next(p for p in world_programs if p.name == "kafka"))
        self._migrate_airflow()
        for stage in sorted({program.stage for program in world_programs} - {0}):
            if stage == FEEDS_STAGE:
                self.before_feeds()
            self._stage(world_programs, stage)

    def _bring_back_strays(self, broker: Program) -> None:
        """Give topics that the broker had lost their messages back, before anyone reads them."""
        strays = kafka_folders.find_strays(self.settings)
        if not strays:
            return
        self.supervisor.stop(broker.name)
        backup = self.settings.home / "damaged" / f"topics-{datetime.now(UTC):%Y%m%dT%H%M%S}"
        kafka_folders.bring_back(self.settings, strays, backup)
        self.supervisor.start(broker.name)
        self._await_ready(broker)
        names = ", ".join(stray.place.name for stray in strays)
        self.say(f"brought back what the broker had renamed to strays: {names}")

    def _stage(self, world_programs: list[Program], stage: int) -> None:
        starting = [program for program in world_programs if program.stage == stage]
        began = time.monotonic()
        for program in starting:
            if program.name == "airflow-api-server":
                self._await_migration()
            self.supervisor.start(program.name)
        for program in starting:
            self.say(f"waiting for {program.name}")
            self._await_ready(program)
        names = ", ".join(program.name for program in starting)
        self.say(f"ready: {names} ({time.monotonic() - began:.0f} s)")

    def _await_ready(self, program: Program) -> None:
        deadline = time.monotonic() + program.ready_s
        while not (self.supervisor.runs(program.name) and program.ready()):
            if time.monotonic() > deadline:
                line = last_log_line(self.settings, program.name)
                raise PlatformError(
                    f"{program.name} was not ready within {program.ready_s:.0f} s; its last line: "
                    f"{line} (./tickhouse logs {program.name})"
                )
            time.sleep(0.2)

    def _migrate_airflow(self) -> None:
        environ = process_environment(self.settings) | airflow.environment(self.settings)
        self._migration = Migration(self.settings, environ)

    def _await_migration(self) -> None:
        assert self._migration is not None
        self.say("preparing Airflow's database")
        try:
            self._migration.wait()
        except PlatformError as error:
            line = last_log_line(self.settings, "airflow-migrate")
            raise PlatformError(f"{error}; its last line: {line}") from error


def process_environment(settings: Settings) -> dict[str, str]:
    """The environment of every process: this one's, with the installation's programs first."""
    java = ensure_java()
    binaries = Path(sys.executable).parent
    return os.environ | {
        "PATH": f"{binaries}:{java.parent}:{os.environ.get('PATH', '')}",
        "JAVA_HOME": str(java.resolve().parent.parent),
        "PYSPARK_PYTHON": sys.executable,
        "PYTHONUNBUFFERED": "1",
        "TZ": "UTC",
        "TICKHOUSE_VAR": str(settings.var),
        MARKER: str(settings.home),
    }


def last_log_line(settings: Settings, name: str) -> str:
    """The last line that a process logged, cut to a screen's width or so."""
    log = settings.home / "logs" / f"{name}.log"
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    return lines[-1][:300] if lines else "nothing"


def _wait_for_exit(pid: int, timeout_s: float = 60.0) -> None:
    try:
        psutil.Process(pid).wait(timeout=timeout_s)
    except psutil.NoSuchProcess:
        return
    except psutil.TimeoutExpired as error:
        raise TickhouseError(f"supervisord (pid {pid}) still runs after {timeout_s} s") from error
