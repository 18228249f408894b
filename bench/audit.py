"""How long `audit` takes on a lake of many messages, as a person runs it: a process of its own.

The newest messages lie in the small files that the stream leaves of an hour, the others in large
ones, as compaction leaves them.
"""

import subprocess
import sys
import time
from dataclasses import replace

import msgspec

from bench.measurement import Measurement
from bench.quiet import end_quietly
from bench.stream import PARTITIONS, Tickhouse, send, trade_messages
from include.bus import ensure_topics
from include.errors import PlatformError
from include.lake.audit.conservation import AuditReport
from include.lake.reading import query
from include.lake.tables import LANDED, QUARANTINE, SIGNALS
from include.local.platform import process_environment
from include.local.scratch import choose_postgres, scratch_broker, scratch_postgres
from include.log import PrintLine
from include.settings import ROOT, Settings
from include.settings.groups import KafkaSettings
from spark_jobs.session import open_session
from spark_jobs.sinks import create_tables

SEED = 7
A_SECOND = 1000  # messages of a batch of the stream, one each second
PLAIN = 'SELECT count(DISTINCT (topic, "partition", "offset")) FROM trades'


def measure(*, messages: int, small_files: int, print_line: PrintLine) -> list[Measurement]:
    """Seconds of the verb over so many landed messages, with its start and its JVM's.

    Raises:
        PlatformError: the audit found a fault, or did not count every message.
    """
    database = choose_postgres()
    with scratch_broker(database) as settings, scratch_postgres(settings):
        ensure_topics(settings.bootstrap, KafkaSettings(partitions=PARTITIONS))
        _land(settings, messages, small_files, print_line)
        print_line("auditing")
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


def _land(settings: Settings, messages: int, small_files: int, print_line: PrintLine) -> None:
    spark = open_session(settings, "bench audit", ui_port=settings.ports.spark_ui)
    in_small_files = min(messages, small_files * A_SECOND)
    one_a_second = replace(settings, stream=replace(settings.stream, max_offsets=A_SECOND))
    with end_quietly(spark):
        create_tables(spark, settings, (*LANDED, QUARANTINE, SIGNALS))
        trades = trade_messages(SEED)
        for count, landing in (
            (messages - in_small_files, settings),
            (in_small_files, one_a_second),
        ):
            batch = landing.stream.max_offsets
            print_line(f"sending and landing {count} messages in batches of {batch}")
            send(settings, trades, count)
            Tickhouse(spark, landing).run()


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
