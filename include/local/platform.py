"""The whole platform on this machine: up in the right order, down, and what is running."""

import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from include.errors import PlatformError, TickhouseError, Unreachable
from include.local import (
    airflow,
    kafka,
    kafka_folders,
    object_store,
    postgres,
    preflight,
    restarts,
    spark_servers,
    supervisor,
)
from include.local.airflow_database import Migration
from include.local.class_archive import start_recording
from include.local.cluster_jars import ensure_store_classpath, ensure_tls_postgres
from include.local.examination import repair_what_loses_nothing
from include.local.jars import CLUSTER, EXTRA_MB, S3, ensure_jars, jars_are_fetched
from include.local.java import ensure_java
from include.local.left_overs import MARKER, end_left_overs
from include.local.program import FEEDS_STAGE, SERVERS_STAGE, WORK_STAGE, Program
from include.local.programs import AIRFLOW, OBJECT_STORE, list_bridges, list_programs
from include.local.rolling import await_ready, last_log_line
from include.log import PrintLine
from include.serving.preparation import create_serving_database
from include.serving.rebuild import fill_empty
from include.serving.stream_progress import progress_file
from include.settings import Settings
from include.store_check import check_store

STOP_SLACK_S = 10.0


class Platform:
    """One world's processes under supervisord.

    `make_topics` creates the Kafka topics; `check_world` refuses a world of another schema, before
    anything of it is examined; `with_airflow` runs when Airflow works (the first training begins),
    `before_feeds` when all but feeds and watcher work (a tape waits there for its forecast).
    `print_line` shows each step.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        print_line: PrintLine,
        make_topics: Callable[[], None],
        check_world: Callable[[], None] = lambda: None,
        with_airflow: Callable[[], None] = lambda: None,
        before_feeds: Callable[[], None] = lambda: None,
    ) -> None:
        self.with_airflow = with_airflow
        self.before_feeds = before_feeds
        self.settings = settings
        self.print_line = print_line
        self.make_topics = make_topics
        self.check_world = check_world
        self.supervisor = supervisor.SupervisorClient(settings)
        self._migration: Migration | None = None

    def up(self) -> None:
        """Start everything and wait until it works; what fails is taken down again.

        Raises:
            PlatformError: names what is missing or did not start, and what to do.
        """
        self._fetch_needs()
        preflight.check(self.settings)
        if not self.settings.cluster.is_started:
            self._examine_world()
        self._prepare_servers()
        progress_file(self.settings).unlink(missing_ok=True)
        restarts.forget(self.settings.home)
        world_programs = list_programs(self.settings)
        configuration = supervisor.write_configuration(
            self.settings, [*world_programs, *list_bridges(self.settings)]
        )
        supervisor.start(self.settings, configuration, process_environment(self.settings))
        try:
            self._start(world_programs)
            if start_recording(self.settings, process_environment(self.settings)):
                self.print_line(
                    "Spark's classes are recorded beside it, for sooner starts from then on"
                )
        except Unreachable as error:
            if self.supervisor.is_running():
                self._take_down()
                raise
            end_left_overs(self.settings)
            raise PlatformError("it was taken down while it started") from error
        except BaseException:
            self._take_down()
            raise

    def _examine_world(self) -> None:
        """Refuse a store or a world that cannot be used, and repair what loses nothing."""
        check_store(self.settings)
        self.check_world()
        repair_what_loses_nothing(self.settings, print_line=self.print_line)

    def _prepare_servers(self) -> None:
        """The servers' folders; making them takes seconds each, once."""
        prepares: list[Callable[[Settings], Any]]
        prepares = [kafka.prepare, postgres.prepare, airflow.prepare]
        if self.settings.cluster.is_started:
            prepares += [object_store.prepare, spark_servers.prepare]
        with ThreadPoolExecutor() as pool:
            for _ in pool.map(lambda prepare: prepare(self.settings), prepares):
                pass

    def _take_down(self) -> None:
        self.print_line("taking down what was started")
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
        """All at once what needs the servers, then these: supervisord stops one after the other."""
        world_programs = list_programs(self.settings)
        for is_server in (False, True):
            stopping = [p for p in world_programs if (p.stage == SERVERS_STAGE) is is_server]
            stopping += [] if is_server else list_bridges(self.settings)
            longest = max(program.stop_s for program in stopping)
            self.supervisor.stop_together(
                [program.name for program in stopping], within_s=longest + STOP_SLACK_S
            )

    def _fetch_needs(self) -> None:
        self.print_line(f"Java: {ensure_java()}")
        if not jars_are_fetched():
            self.print_line("fetching jars for Spark and Kafka (63 MB, once)")
        ensure_jars()
        if self.settings.uses_s3 and not jars_are_fetched(S3):
            self.print_line(f"fetching jars for the object store ({EXTRA_MB[S3]} MB, once)")
        ensure_jars(uses_s3=self.settings.uses_s3)
        if self.settings.cluster.is_started:
            if not jars_are_fetched(CLUSTER):
                self.print_line(f"fetching a cluster's servers ({EXTRA_MB[CLUSTER]} MB, once)")
            ensure_store_classpath()
            ensure_tls_postgres()

    def _start(self, world_programs: list[Program]) -> None:
        """Servers, then at once all that works with them, then feeds and watcher.

        Airflow needs Postgres alone; where its database has to be migrated, it waits for that.
        """
        servers = [program for program in world_programs if program.stage == SERVERS_STAGE]
        workers = [program for program in world_programs if program.stage == WORK_STAGE]
        feeds = [program for program in world_programs if program.stage == FEEDS_STAGE]
        airflows = [program for program in workers if program.name.startswith(AIRFLOW)]
        if self.settings.cluster.is_started:
            self._start_store(_find_program(servers, OBJECT_STORE))
        self._launch(servers)
        self._await_ready(_find_program(servers, "postgres"))
        postgres.create_databases(self.settings)
        if not self._migrate_airflow():
            self._launch(airflows)
        create_serving_database(self.settings)
        self._fill_postgres()
        self._await_all(servers)
        self.make_topics()
        self._bring_back_strays(servers)
        others = [program for program in workers if program not in airflows]
        self._launch(others)
        self._await_migration()
        self._launch(airflows)
        self._await_all(airflows)
        self.with_airflow()
        self._await_all(others)
        self.before_feeds()
        self._launch(feeds)
        self._await_all(feeds)

    def _start_store(self, store: Program) -> None:
        """The object store first: nothing else may start before what lies in it is examined."""
        self._launch([store])
        self._await_all([store])
        self._examine_world()

    def _fill_postgres(self) -> None:
        """Give a Postgres that lost its rows those that the lake has."""
        settings = self.settings
        filled = fill_empty(settings.dsn(), settings.lake, keep_days=settings.stream.served_days)
        if filled:
            counts = ", ".join(f"{count} {name}" for name, count in filled.items())
            self.print_line(f"filled Postgres from the lake: {counts}")

    def _bring_back_strays(self, servers: Iterable[Program]) -> None:
        """Give topics that the broker had lost their messages back, before anyone reads them."""
        strays = kafka_folders.find_strays(self.settings)
        if not strays:
            return
        broker = _find_program(servers, "kafka")
        self.supervisor.stop(broker.name)
        backup = self.settings.home / "damaged" / f"topics-{datetime.now(UTC):%Y%m%dT%H%M%S}"
        kafka_folders.bring_back(self.settings, strays, backup)
        self.supervisor.start(broker.name)
        self._await_ready(broker)
        names = ", ".join(stray.target.name for stray in strays)
        self.print_line(f"brought back what the broker had renamed to strays: {names}")

    def _launch(self, starting: Iterable[Program]) -> None:
        for program in starting:
            self.supervisor.start(program.name)

    def _await_all(self, starting: Sequence[Program]) -> None:
        began = time.monotonic()
        for program in starting:
            self.print_line(f"waiting for {program.name}")
            self._await_ready(program)
        names = ", ".join(program.name for program in starting)
        self.print_line(f"ready: {names} ({time.monotonic() - began:.0f} s)")

    def _await_ready(self, program: Program) -> None:
        await_ready(self.settings, self.supervisor, program)

    def _migrate_airflow(self) -> bool:
        """Migrate Airflow's database in the background, if it has to be; whether it has."""
        environ = process_environment(self.settings) | airflow.build_environment(self.settings)
        self._migration = Migration(self.settings, environ)
        return self._migration.was_started

    def _await_migration(self) -> None:
        assert self._migration is not None
        if not self._migration.was_started:
            return
        self.print_line("preparing Airflow's database")
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


def _find_program(candidates: Iterable[Program], name: str) -> Program:
    return next(program for program in candidates if program.name == name)


def _wait_for_exit(pid: int, timeout_s: float = 60.0) -> None:
    try:
        psutil.Process(pid).wait(timeout=timeout_s)
    except psutil.NoSuchProcess:
        return
    except psutil.TimeoutExpired as error:
        raise TickhouseError(f"supervisord (pid {pid}) still runs after {timeout_s} s") from error
