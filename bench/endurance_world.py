"""A scratch world for days of a scaled market: its processes, its jobs, and who sends to it."""

import json
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from subprocess import PIPE, STDOUT, Popen
from typing import Any

import psutil
from confluent_kafka import Producer

from bench.market_clock import MarketClock, wait_until
from include.bus import offset_ranges
from include.errors import PlatformError
from include.lake.checkpoint import committed_offsets
from include.lake.tables import LANDED_TOPICS
from include.local.platform import process_environment
from include.local.rolling import last_log_line
from include.local.scratch import free_ports, scratch_broker, scratch_postgres
from include.local.worlds import simulated_addresses
from include.log import PrintLine
from include.market import wire
from include.market.events import Message
from include.market.wire import Topic, TopicPartition
from include.serving.connection import fetch_rows
from include.settings import ROOT, Settings, list_variables, load

JOB_S, CATCH_UP_S, STOP_S = 600.0, 180.0, 60.0
COUNTED = "SELECT partition, next_offset FROM reader_offsets WHERE reader = 'trade_minutes'"
METRICS = "TICKHOUSE_METRICS_"
LOOKS = f"{METRICS}EVERY_S"


@dataclass
class World:
    """A world whose broker and Postgres run; `failures` are the names of jobs that failed."""

    settings: Settings
    env: Mapping[str, str]
    print_line: PrintLine
    names: dict[int, str] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    @contextmanager
    def run_process(self, name: str, module: str, *arguments: str) -> Iterator[Popen[bytes]]:
        """A process while the block runs, with a log of its own."""
        logs = self.settings.home / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        with (logs / f"{name}.log").open("ab") as log:
            process = self._start(name, module, *arguments, stdout=log, stderr=STDOUT)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(STOP_S)

    def run_job(self, name: str, module: str, *arguments: str) -> None:
        """Run a job to its end; a failure is noted and printed."""
        with self.run_process(name, module, *arguments) as process:
            if process.wait(JOB_S) != 0:
                self._fail(name, last_log_line(self.settings, name))

    def run_audit(self) -> float:
        """Seconds of `./tickhouse audit`; what it finds is a failure."""
        began = time.perf_counter()
        process = self._start("audit", "cli.main", "audit", "--json", stdout=PIPE, stderr=PIPE)
        output, errors = process.communicate(timeout=JOB_S)
        seconds = time.perf_counter() - began
        try:
            checks = json.loads(output)["checks"]
        except ValueError:
            self._fail("audit", errors.decode().strip()[-300:])
            return seconds
        for check in checks:
            if not check["ok"]:
                self._fail("audit", f"{check['name']}: {check['detail']}")
        return seconds

    def name_of(self, process: psutil.Process) -> str:
        """The name by which a process that was started here is counted."""
        name = self.names.get(process.pid)
        return name or ("postgres" if "postgres" in process.name() else "broker")

    def await_followers(self) -> None:
        """Wait until stream and minutes have all that was sent.

        Raises:
            PlatformError: they do not get there.
        """
        ends = {
            part: end
            for part, (_, end) in offset_ranges(self.settings.bootstrap, LANDED_TOPICS).items()
        }
        deadline = time.monotonic() + CATCH_UP_S
        while behind := self._behind(ends):
            if time.monotonic() > deadline:
                line = last_log_line(self.settings, behind)
                raise PlatformError(f"{behind} does not follow the market; its last line: {line}")
            time.sleep(0.2)

    def _behind(self, ends: Mapping[TopicPartition, int]) -> str:
        next_offsets = committed_offsets(self.settings.checkpoints / "land" / "stream")
        if any(next_offsets.get(part, 0) < end for part, end in ends.items()):
            return "stream"
        rows = fetch_rows(self.settings.dsn(), COUNTED)
        counted = {
            TopicPartition(Topic.TRADES, row["partition"]): row["next_offset"] for row in rows
        }
        trades = (part for part in ends if part.topic == Topic.TRADES)
        if any(counted.get(part, 0) < ends[part] for part in trades):
            return "minutes"
        return ""

    def _start(self, name: str, *arguments: str, stdout: Any, stderr: int) -> "Popen[bytes]":
        command = [sys.executable, "-m", *arguments]
        process = Popen(command, env=self.env, cwd=ROOT, stdout=stdout, stderr=stderr)
        self.names[process.pid] = name
        return process

    def _fail(self, name: str, cause: str) -> None:
        self.failures.append(name)
        self.print_line(f"{name} failed: {cause}")


@contextmanager
def scratch_world(further: Mapping[str, str], *, print_line: PrintLine) -> Iterator[World]:
    """A world of its own on free ports, with these further settings."""
    postgres, spark_ui, nowhere = free_ports(3)
    environ = {
        **{name: "0" for name in list_variables() if name.startswith(METRICS) and name != LOOKS},
        "TICKHOUSE_PORTS_POSTGRES": postgres,
        "TICKHOUSE_PORTS_SPARK_UI": spark_ui,
        "TICKHOUSE_POSTGRES_PASSWORD": "for-the-measurement",
        "TICKHOUSE_PORTS_SIMULATOR": nowhere,  # no venue answers
        **further,
    }
    environ |= simulated_addresses(load(environ))
    with scratch_broker(environ) as settings, scratch_postgres(settings):
        ports = settings.ports
        env = process_environment(settings) | environ
        env |= {
            "TICKHOUSE_PORTS_KAFKA": str(ports.kafka),
            "TICKHOUSE_PORTS_KAFKA_CONTROLLER": str(ports.kafka_controller),
        }
        yield World(settings, env, print_line)


class PacedSender:
    """Sends messages, each when the clock shows its time, which is also its time in Kafka."""

    def __init__(self, bootstrap: str, messages: Iterator[Message], clock: MarketClock) -> None:
        self._producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 1})
        self._messages, self._clock, self._sent_bytes = messages, clock, 0
        self._thread = threading.Thread(target=self._send, daemon=True)
        self._thread.start()

    def finish(self) -> int:
        """Wait for the last of them; gives the bytes of all."""
        self._thread.join()
        self._producer.flush(STOP_S)
        return self._sent_bytes

    def _send(self) -> None:
        for message in self._messages:
            wait_until(self._clock, message.received_time)
            value = wire.encode(message)
            self._producer.produce(
                wire.choose_topic(message),
                value,
                wire.encode_key(message),
                timestamp=message.received_time // 1000,
            )
            self._producer.poll(0)
            self._sent_bytes += len(value)
