"""A broker, a Postgres and stream jobs that are killed; what was sent and what is there."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import psutil
from confluent_kafka import Producer as FastProducer
from deltalake import DeltaTable

from include.bus import offset_ranges
from include.bus.tail import read_from
from include.lake.audit.bounds import read_bounds
from include.lake.audit.conservation import (
    AuditReport,
    count_with_duckdb,
    make_report,
    open_audited_tables,
)
from include.lake.checkpoint import committed_offsets
from include.lake.reading import connect, open_table
from include.lake.tables import LANDED_TOPICS
from include.lake.topic_restarts import read_restarts
from include.local import kafka, postgres
from include.serving.tables import create_tables
from include.settings import ROOT, Settings, load
from tests.support.postgres import fetch_tuples
from tests.support.services import eventually, running

AT = 1_763_712_000_000_000
KEY = b"gemini|BTC-USD"
JUNK = (b"junk", b"", b"\xff\xfe{}", b'{"v":1}', b'{"v":9,"venue":"x"}', b"[]")


def message(kind: str, number: int, event: dict[str, Any], top: Any = None) -> bytes:
    at = AT + number * 20_000  # 50 messages a second of market time
    return json.dumps(
        {
            "v": 1,
            "venue": "gemini",
            "symbol": "BTC-USD",
            "kind": kind,
            "conn": "c",
            "seq": [number, number],
            "venue_time": at,
            "received_time": at + 100,
            "events": [event],
            "top": top,
        }
    ).encode()


def trade(number: int, chance: random.Random) -> bytes:
    return message(
        "trade",
        number,
        {
            "type": "trade",
            "trade_id": str(number),
            "price": str(chance.randrange(9000, 9100)),
            "quantity": f"{chance.randrange(1, 10**6)}e-6",
            "side": chance.choice(["buy", "sell"]),
            "traded_at": AT + number * 20_000,
        },
    )


def change(number: int, chance: random.Random) -> bytes:
    return message(
        "book",
        number,
        {
            "type": "change",
            "side": chance.choice(["bid", "ask"]),
            "price": "9000.5",
            "remaining": str(chance.randrange(1, 90)),
            "reason": "place",
            "venue_event_id": number,
        },
        {"bid": "9000", "bid_quantity": "1", "ask": "9001", "ask_quantity": "2"},
    )


class Sender:
    """Sends trades, book changes, repeats and junk, seeded; remembers how many of each topic."""

    def __init__(self, settings: Settings, chance: random.Random) -> None:
        self.chance = chance
        self.number = 0
        self.junk = 0
        self._last = b""
        self._producer = FastProducer(
            {
                "bootstrap.servers": settings.bootstrap,
                "enable.idempotence": True,
                "message.timeout.ms": 300_000,
                "log_level": 0,
            }
        )

    def send(self, count: int) -> None:
        """So many more, acknowledged."""
        for _ in range(count):
            topic, value = self._next()
            self._producer.produce(topic, value, KEY)
            self._producer.poll(0)
        assert self._producer.flush(300) == 0

    def _next(self) -> tuple[str, bytes]:
        topic = "market.trades" if self.chance.random() < 0.7 else "market.book"
        if self.chance.random() < 0.02:
            self.junk += 1
            return topic, self.chance.choice(JUNK)
        if topic == "market.trades" and self._last and self.chance.random() < 0.02:
            return topic, self._last
        self.number += 1
        if topic == "market.book":
            return topic, change(self.number, self.chance)
        self._last = trade(self.number, self.chance)
        return topic, self._last


class Stream:
    """One run of the stream job in a process of its own."""

    def __init__(self, settings: Settings, environ: dict[str, str], point: str, nth: int) -> None:
        self._before = progress(settings)
        self._settings = settings
        self.log = (settings.home / "stream.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.stream_child", point, str(nth)],
            env=os.environ | environ,
            cwd=ROOT,
            stdout=self.log,
            stderr=subprocess.STDOUT,
        )

    def progressed(self) -> bool:
        """Whether it has committed a batch, or is dead."""
        return self.process.poll() is not None or progress(self._settings) > self._before

    def kill(self, *, jvm: bool) -> None:
        """SIGKILL to the process or to its JVM, and wait until both are gone."""
        children = self._children()
        victims = [process for process in children if jvm and process.name() == "java"]
        for process in victims or [psutil.Process(self.process.pid)]:
            process.send_signal(signal.SIGKILL)
        self.gone(children)

    def gone(self, children: list[psutil.Process] | None = None) -> None:
        """Wait for the end of the process; what outlives it by ten seconds is killed too."""
        processes = children if children is not None else self._children()
        self.process.wait(60)
        for process in psutil.wait_procs(processes, timeout=10)[1]:
            process.kill()
        self.log.close()

    def _children(self) -> list[psutil.Process]:
        try:
            return psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []


class Reader(threading.Thread):
    """Polls the landed tables all the while; `vanished` tells when one had fewer rows."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(daemon=True)
        self.vanished: list[str] = []
        self.looks = 0
        self._settings, self._stop_it = settings, threading.Event()

    def run(self) -> None:
        max_rows: dict[str, int] = {}
        while not self._stop_it.wait(0.2):
            for name in ("trades", "book_changes", "quarantine"):
                table = open_table(self._settings.lake, name)
                rows = int(DeltaTable(table.table_uri).count()) if table else 0
                if rows < max_rows.get(name, 0):
                    self.vanished.append(f"{name}: {max_rows[name]} rows, then {rows}")
                max_rows[name] = max(rows, max_rows.get(name, 0))
            self.looks += 1

    def finish(self) -> None:
        self._stop_it.set()
        self.join(30)


def progress(settings: Settings) -> int:
    """Offsets that committed batches of the landing query have behind them."""
    return sum(committed_offsets(checkpoint(settings)).values())


def checkpoint(settings: Settings) -> Path:
    return settings.checkpoints / "land" / "stream"


def caught_up(settings: Settings) -> bool:
    """Whether everything on the landed topics is behind the checkpoint."""
    ends = {
        key: end
        for key, (_, end) in offset_ranges(settings.bootstrap, LANDED_TOPICS).items()
        if end
    }
    committed = committed_offsets(checkpoint(settings))
    return all(committed.get(key) == end for key, end in ends.items())


def report(settings: Settings) -> AuditReport:
    """The audit by its second reader alone (DuckDB), on a stream that stands."""
    committed = committed_offsets(checkpoint(settings))
    tables = open_audited_tables(settings.lake)
    kafka = offset_ranges(settings.bootstrap, LANDED_TOPICS)
    restarts = read_restarts(settings.lake)
    bounds = read_bounds(
        settings.world_store, tables, kafka=kafka, committed=committed, restarts=restarts
    )
    counts = count_with_duckdb(tables, bounds.ends)
    return make_report(counts, bounds, second_counts=counts)


Signal = tuple[str, str, str, int, Decimal]  # venue, symbol, type, window_start in s, value
SIGNALS = "SELECT venue, symbol, type, window_start, value FROM signals"


def signals_on_kafka(settings: Settings) -> list[Signal]:
    """Every signal of a window that lies on market.signals, repeats too, in order."""
    told = [
        json.loads(record.value)
        for record in read_from(settings.bootstrap, ["market.signals"], offsets={})
    ]
    return sorted(
        (
            one["venue"],
            one["symbol"],
            one["type"],
            one["window_start"] // 1_000_000,
            Decimal(one["value"]),
        )
        for one in told
        if one["timestamp"] != one["window_start"]
    )


def signals_in_lake(settings: Settings) -> list[Signal]:
    """The rows of Delta's `signals`, in order."""
    if open_table(settings.lake, "signals") is None:
        return []
    return _ordered(connect(settings.lake, ["signals"]).execute(SIGNALS).fetchall())


def signals_in_postgres(settings: Settings) -> list[Signal]:
    """The rows of Postgres' `signals`, in order."""
    return _ordered(fetch_tuples(settings.dsn(), SIGNALS))


def _ordered(rows: list[tuple[Any, ...]]) -> list[Signal]:
    return sorted((*key, int(start.timestamp()), value) for *key, start, value in rows)


@contextmanager
def served(environ: dict[str, str]) -> Iterator[tuple[Settings, subprocess.Popen[bytes]]]:
    """Settings whose Postgres runs, with its tables, and its process; a broker can be started."""
    settings = load(environ)
    kafka.prepare(settings)
    postgres.prepare(settings)
    log, user = settings.home / "postgres.log", postgres.system_user()
    with running(postgres.build_command(settings), log=log, user=user, cwd=Path("/")) as process:
        eventually(lambda: postgres.answers(settings), what="Postgres answers")
        postgres.create_databases(settings)
        create_tables(settings.dsn())
        yield settings, process


def broker(settings: Settings) -> subprocess.Popen[bytes]:
    """A broker that answers."""
    with (settings.home / "kafka.log").open("ab") as log:
        started = subprocess.Popen(kafka.build_command(settings), stdout=log, stderr=log)
    eventually(lambda: kafka.answers(settings), timeout_s=60, what="the broker answers")
    return started


@contextmanager
def streaming(
    settings: Settings, environ: dict[str, str], point: str = "none", nth: int = 1
) -> Iterator[Stream]:
    """A stream job that is gone at the end."""
    stream = Stream(settings, environ, point, nth)
    try:
        yield stream
    finally:
        if stream.process.poll() is None:
            stream.kill(jvm=False)


def wait(seconds: float) -> None:
    """Let a drawn time pass: where in a batch the kill falls."""
    time.sleep(seconds)
