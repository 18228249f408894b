"""Which processes the platform has, in which order, with which command and sign of readiness."""

import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from include.local import airflow, kafka, object_store, postgres, spark_servers
from include.local.program import (
    BRIDGE,
    FEEDS_STAGE,
    SERVERS_STAGE,
    WORK_STAGE,
    Program,
    open_port,
    serves_page,
)
from include.market.feed_shards import FeedShard
from include.market.venues import GEMINI
from include.serving.stream_progress import read_progress
from include.settings import LIVE, Settings

PYTHON = sys.executable
AIRFLOW, OBJECT_STORE, STREAM = "airflow-", "object-store", "stream"
CLUSTER_READY_S = 120.0  # several JVMs start at once


def list_programs(settings: Settings) -> list[Program]:
    """Every process of this world, in the order of their stages."""
    unordered = [
        *(_define_cluster(settings) if settings.cluster.is_started else []),
        *_define_brokers(settings),
        _define_postgres(settings),
        *([_define_simulator(settings)] if settings.world != LIVE else []),
        _define_stream(settings),
        *_define_airflow(settings),
        *_define_feeds(settings),
        _define_python(settings, "trader", stage=WORK_STAGE, needs_space=True),
        _define_python(settings, "minutes", stage=WORK_STAGE),
        _define_python(
            settings, "watcher", stage=FEEDS_STAGE
        ),  # it would report what is not started yet
        _define_dashboard(settings),
        *([_define_sql_server(settings)] if settings.sql_server.start == "yes" else []),
    ]
    return sorted(unordered, key=lambda program: program.stage)


def _define_brokers(settings: Settings) -> Iterator[Program]:
    for node in kafka.list_nodes(settings):
        yield Program(
            node.name,
            SERVERS_STAGE,
            kafka.build_command(settings, node),
            partial(kafka.answers, settings, node),
            ready_s=CLUSTER_READY_S,
            stop_s=30,
            needs_space=True,
        )


def _define_cluster(settings: Settings) -> Iterator[Program]:
    """The object store and Spark's master and workers."""
    ports, host = settings.cluster_ports, settings.ports.host
    yield Program(
        OBJECT_STORE,
        SERVERS_STAGE,
        object_store.build_command(settings),
        lambda: object_store.answers(settings),
        needs_space=True,
    )
    env = spark_servers.build_environment(settings)
    yield Program(
        spark_servers.MASTER,
        SERVERS_STAGE,
        spark_servers.build_master_command(settings),
        lambda: open_port(host, ports.spark_master),
        env=env,
        ready_s=CLUSTER_READY_S,
    )
    for number in spark_servers.list_workers():
        yield Program(
            f"{spark_servers.WORKER}-{number}",
            SERVERS_STAGE,
            spark_servers.build_worker_command(settings, number),
            partial(open_port, host, ports.spark_worker_ui(number)),
            env=env,
            ready_s=CLUSTER_READY_S,
        )


def _define_postgres(settings: Settings) -> Program:
    return Program(
        "postgres",
        SERVERS_STAGE,
        postgres.build_command(settings),
        lambda: postgres.answers(settings),
        user=postgres.system_user(),
        stop_signal="INT",  # a fast shutdown: at SIGTERM it waits until every client has left
    )


def _define_simulator(settings: Settings) -> Program:
    return Program(
        "simulator",
        SERVERS_STAGE,
        [PYTHON, "-m", "streaming.simulator"],
        lambda: serves_page(f"{settings.simulator_url}/healthz"),
    )


def _define_stream(settings: Settings) -> Program:
    return Program(
        STREAM,
        WORK_STAGE,
        [PYTHON, "-m", "spark_jobs.stream_market"],
        lambda: read_progress(settings).is_ready(time.time()),
        ready_s=600,
        stop_s=30,
        stops_children=True,  # queries are stopped before the JVM that runs them
        needs_space=True,
    )


def _define_airflow(settings: Settings) -> list[Program]:
    api = airflow.AirflowApi(settings)
    binary = str(Path(PYTHON).with_name("airflow"))
    env = airflow.build_environment(settings)
    ready = {"api-server": api.is_healthy}
    # The scheduler waits for its tasks, which take minutes, and the API server for what is asked of
    # it: the tasks are run again at the next start, and nobody asks any more.
    stop_s = {"scheduler": 3, "api-server": 3}
    return [
        Program(
            f"{AIRFLOW}{name}",
            WORK_STAGE,
            [binary, name, *airflow.NO_LOG_SERVER.get(name, [])],
            ready.get(name, lambda: True),
            ready_s=300,
            env=env,
            stop_s=stop_s.get(name, 10),
        )
        for name in airflow.COMPONENTS
    ]


def _define_feeds(settings: Settings) -> list[Program]:
    feeds = list(settings.feed_shards)
    if settings.simulator.tape:
        feeds = [shard for shard in feeds if shard.venue == GEMINI.name]
    elif settings.venues.quote_symbols:
        feeds.append(FeedShard("quotes"))
    return [
        Program(
            shard.program,
            FEEDS_STAGE,
            [PYTHON, "-m", "streaming.feeds", *shard.arguments],
            partial(_serves_metrics, settings, shard.program),
            needs_space=True,
        )
        for shard in feeds
    ]


def list_bridges(settings: Settings) -> list[Program]:
    """What publishes in place of a venue's feed while that is restarted; `up` starts none."""
    return [
        Program(
            f"{program.name}{BRIDGE}",
            FEEDS_STAGE,
            [*program.command, "--bridge"],
            program.ready,
            is_transient=True,
        )
        for program in _define_feeds(settings)
        if program.name != "feed-quotes"
    ]


def _define_dashboard(settings: Settings) -> Program:
    return Program(
        "dashboard",
        WORK_STAGE,
        [PYTHON, "-m", "streaming.dashboard"],
        lambda: serves_page(f"http://{settings.ports.host}:{settings.ports.dashboard}/"),
    )


def _define_sql_server(settings: Settings) -> Program:
    return Program(
        "sql-server",
        WORK_STAGE,
        [PYTHON, "-m", "spark_jobs.serve_sql"],
        lambda: open_port(settings.ports.host, settings.ports.sql_server),
        ready_s=300,
        stop_s=30,
    )


def _define_python(
    settings: Settings, name: str, *, stage: int, needs_space: bool = False
) -> Program:
    command = [PYTHON, "-m", f"streaming.{name}"]
    ready = partial(_serves_metrics, settings, name)
    return Program(name, stage, command, ready, needs_space=needs_space)


def _serves_metrics(settings: Settings, name: str) -> bool:
    """Whether a process has come as far as to serve its metrics, if it has any to serve."""
    port = settings.metrics_ports[name]
    return not port or open_port(settings.ports.host, port)
