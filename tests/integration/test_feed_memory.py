"""A long outage of the broker on a small disk bound: flat memory, order kept, drops reported.

The simulated market runs a hundred times its usual pace, so that twenty seconds without a broker
bring as many messages as half an hour at that pace; a megabyte of disk holds a fraction of them.
"""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from include.bus import Consumer, ensure_topics
from include.local import kafka
from include.market import wire
from include.market.events import LedgerEntry, Message
from include.settings import load
from tests.conftest import make_environment
from tests.support.services import eventually, running

TOPICS = ("market.book", "market.ledger")
OUTAGE_S = 20
MAX_GROWTH = 8 * 2**20  # bytes, from the moment the disk bound was met to the outage's end


def test_an_outage_beyond_the_disk_bound_keeps_memory_flat_and_confesses_its_drops(
    tmp_path: Path,
) -> None:
    env = make_environment(
        tmp_path / "var", KAFKA_SPOOL_MB="1", SIMULATOR_SPEED="100", VENUES_GEMINI_SYMBOLS="BTC-USD"
    )
    env["TICKHOUSE_VENUES_GEMINI_WS_URL"] = f"ws://127.0.0.1:{env['TICKHOUSE_PORTS_SIMULATOR']}"
    settings, log, messages = load(env), tmp_path / "log", list[Message]()
    kafka.prepare(settings)
    spool = settings.home / "feeds" / "gemini.spool"
    command = [sys.executable, "-m", "streaming.feeds", "gemini"]

    def heard() -> list[Message]:
        messages.extend(wire.decode(record.value) for record in consumer.poll(0.2))
        return messages

    def reported() -> list[str]:
        return drops_of(heard())

    with running([sys.executable, "-m", "streaming.simulator"], log=log, env=env):
        with running(kafka.build_command(settings), log=log) as broker:
            eventually(lambda: kafka.answers(settings), what="the broker answers")
            ensure_topics(settings.bootstrap)
            consumer = Consumer(settings.bootstrap, topics=TOPICS)
            feed = subprocess.Popen(command, env={**os.environ, **env}, stderr=log.open("ab"))
            try:
                eventually(lambda: len(heard()) > 500, what="books")
                os.kill(broker.pid, signal.SIGKILL)
                broker.wait()
                began = time.monotonic()
                full = 2**20 - 5000
                eventually(lambda: spooled_bytes(spool) > full, what="the disk bound is met")
                assert time.monotonic() - began < OUTAGE_S / 2
                at_bound, most = resident(feed.pid), 0
                while time.monotonic() - began < OUTAGE_S:
                    most = max(most, resident(feed.pid))
                    assert spooled_bytes(spool) <= 2**20
                    time.sleep(0.5)
                assert most - at_bound < MAX_GROWTH, f"{at_bound} to {most} bytes"
                with running(kafka.build_command(settings), log=log):
                    eventually(lambda: kafka.answers(settings), what="the broker is back")
                    eventually(reported, what="the drops are reported", timeout_s=60)
                    after = len(messages)
                    eventually(lambda: len(heard()) > after + 500, what="books after it")
            finally:
                feed.kill()
                feed.wait()
                consumer.close()
    numbers = [one.seq[0] for one in messages if one.kind in {"book", "heartbeat"} and one.seq]
    assert numbers == sorted(set(numbers))
    missing = numbers[-1] - numbers[0] + 1 - len(numbers)
    dropped = sum(int(re.match(r"(\d+) messages", one)[1]) for one in drops_of(messages))  # type: ignore[index]
    assert 1000 < missing <= dropped <= 2 * missing  # a frame is one message, or two with a trade


def drops_of(messages: list[Message]) -> list[str]:
    entries = [
        one for message in messages for one in message.events if isinstance(one, LedgerEntry)
    ]
    return [one.detail or "" for one in entries if one.entry == "dropped"]


def spooled_bytes(spool: Path) -> int:
    return sum(path.stat().st_size for path in spool.glob("[0-9]*"))


def resident(pid: int) -> int:
    """Bytes of memory that a process holds."""
    return int(psutil.Process(pid).memory_info().rss)
