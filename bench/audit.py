"""How long `audit` takes on a lake of many messages, as a person runs it: a process of its own."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from bench.stream import PARTITIONS, Tickhouse, send, trade_messages
from include.bus import ensure_topics
from include.errors import PlatformError
from include.lake.reading import query
from include.lake.tables import LANDED, QUARANTINE, SIGNALS
from include.local.platform import process_environment
from include.local.scratch import free_ports, scratch_broker, scratch_postgres
from include.settings import ROOT, Settings
from spark_jobs.session import session
from spark_jobs.sinks import create_tables

SEED = 7
PASSWORD = "for-the-measurement"
PLAIN = 'SELECT count(DISTINCT (topic, "partition", "offset")) FROM trades'
Figure = dict[str, Any]


def figures(*, messages: int, say: Callable[[str], None]) -> list[Figure]:
    """Seconds of the verb over so many landed messages, with its start and its JVM's.

    Raises:
        PlatformError: the audit found a fault, or did not count every message.
    """
    own = {"TICKHOUSE_PORTS_POSTGRES": free_ports(1)[0], "TICKHOUSE_POSTGRES_PASSWORD": PASSWORD}
    with scratch_broker(own) as settings, scratch_postgres(settings):
        ensure_topics(settings.bootstrap, partitions=PARTITIONS)
        say(f"sending and landing {messages} messages")
        _land(settings, messages)
        say("auditing")
        env = (
            process_environment(settings)
            | own
            | {
                "TICKHOUSE_WORLD": settings.world,
                "TICKHOUSE_PORTS_KAFKA": str(settings.ports.kafka),
            }
        )
        seconds, report = _audited(env)
        landed = sum(one["landed"] for one in report["partitions"])
        if not report["ok"] or landed != messages:
            raise PlatformError(f"the audit counted {landed} of {messages}: {report['checks']}")
        began = time.perf_counter()
        query(settings.lake, PLAIN)
        plain = time.perf_counter() - began
    return [
        {
            "name": f"audit of {messages} messages",
            "value": round(seconds, 1),
            "unit": "s",
            "peer": "plain count by DuckDB",
            "peer_value": round(plain, 1),
            "ratio": round(plain / seconds, 2),
        }
    ]


def _land(settings: Settings, messages: int) -> None:
    spark = session(settings, "bench audit", ui_port=settings.ports.spark_ui)
    try:
        create_tables(spark, settings, (*LANDED, QUARANTINE, SIGNALS))
        send(settings, trade_messages(SEED), messages)
        Tickhouse(spark, settings).run()
    finally:
        spark.stop()


def _audited(env: dict[str, str]) -> tuple[float, dict[str, Any]]:
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "audit", "--json"],
        env=env,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - began
    try:
        return seconds, json.loads(done.stdout)
    except ValueError as error:
        raise PlatformError(f"the audit said {done.stderr.strip()[-300:]!r}") from error
