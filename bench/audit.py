"""How long `audit` takes on a lake of many messages, as a person runs it: a process of its own."""

import subprocess
import sys
import time
from collections.abc import Callable

import msgspec

from bench.measurement import Measurement
from bench.stream import PARTITIONS, Tickhouse, send, trade_messages
from include.bus import ensure_topics
from include.errors import PlatformError
from include.lake.audit.conservation import AuditReport
from include.lake.reading import query
from include.lake.tables import LANDED, QUARANTINE, SIGNALS
from include.local.platform import process_environment
from include.local.scratch import free_ports, scratch_broker, scratch_postgres
from include.settings import ROOT, Settings
from include.settings.groups import KafkaSettings
from spark_jobs.session import session
from spark_jobs.sinks import create_tables

SEED = 7
PASSWORD = "for-the-measurement"
PLAIN = 'SELECT count(DISTINCT (topic, "partition", "offset")) FROM trades'


def measure(*, messages: int, say: Callable[[str], None]) -> list[Measurement]:
    """Seconds of the verb over so many landed messages, with its start and its JVM's.

    Raises:
        PlatformError: the audit found a fault, or did not count every message.
    """
    database = {
        "TICKHOUSE_PORTS_POSTGRES": free_ports(1)[0],
        "TICKHOUSE_POSTGRES_PASSWORD": PASSWORD,
    }
    with scratch_broker(database) as settings, scratch_postgres(settings):
        ensure_topics(settings.bootstrap, KafkaSettings(partitions=PARTITIONS))
        say(f"sending and landing {messages} messages")
        _land(settings, messages)
        say("auditing")
        env = (
            process_environment(settings)
            | database
            | {
                "TICKHOUSE_WORLD": settings.world,
                "TICKHOUSE_PORTS_KAFKA": str(settings.ports.kafka),
            }
        )
        seconds, report = _run_audit(env)
        landed_count = sum(partition.landed for partition in report.partitions)
        if not report.ok or landed_count != messages:
            raise PlatformError(f"the audit counted {landed_count} of {messages}: {report.checks}")
        began = time.perf_counter()
        query(settings.lake, PLAIN)
        plain_s = time.perf_counter() - began
    return [
        Measurement.of(
            f"audit of {messages} messages",
            seconds,
            "s",
            peer="plain count by DuckDB",
            peer_value=plain_s,
            digits=1,
        )
    ]


def _land(settings: Settings, messages: int) -> None:
    spark = session(settings, "bench audit", ui_port=settings.ports.spark_ui)
    try:
        create_tables(spark, settings, (*LANDED, QUARANTINE, SIGNALS))
        send(settings, trade_messages(SEED), messages)
        Tickhouse(spark, settings).run()
    finally:
        spark.stop()


def _run_audit(env: dict[str, str]) -> tuple[float, AuditReport]:
    began = time.perf_counter()
    finished = subprocess.run(
        [sys.executable, "-m", "cli.main", "audit", "--json"],
        env=env,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - began
    try:
        return seconds, msgspec.json.decode(finished.stdout, type=AuditReport)
    except msgspec.MsgspecError as error:
        raise PlatformError(f"the audit printed {finished.stderr.strip()[-300:]!r}") from error
