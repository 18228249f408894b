"""The nightly job drops what is old beside a running stream, and the audit of all is clean."""

import json
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

from confluent_kafka import Producer

from bench.kafka_trimming import follow_market_time
from include.bus import ensure_topics
from include.lake.floors import read_floors
from include.lake.reading import query
from include.market.wire import Topic, TopicPartition
from include.settings import ROOT
from tests.conftest import make_environment
from tests.support import stream_world
from tests.support.services import eventually
from tests.support.stream_world import KEY, change

BOOK = TopicPartition(Topic.BOOK, 0)
DAY_MS = 86_400_000
OLD, YOUNG, LATER = 900, 600, 300
COUNTS = 'SELECT count(*), min("offset"), max("offset") FROM book_changes'


def send(bootstrap: str, first: int, count: int, *, stamped_ms: int) -> None:
    """Changes of the book, numbered without a gap, stamped with that time."""
    producer, chance = Producer({"bootstrap.servers": bootstrap}), random.Random(first)
    for number in range(first, first + count):
        producer.produce(BOOK.topic, change(number, chance), KEY, timestamp=stamped_ms)
    assert producer.flush(60) == 0


def run_job(environ: dict[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    command = (sys.executable, "-m", *command)
    return subprocess.run(
        command, env=os.environ | environ, cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_the_nightly_job_drops_old_rows_beside_the_stream(tmp_path: Path) -> None:
    environ = make_environment(tmp_path / "var", LAKE_KEEP_DAYS_BOOK_CHANGES="2")
    now_ms = int(time.time() * 1000)
    with stream_world.served(environ) as (settings, _):
        broker = stream_world.broker(settings)
        try:
            ensure_topics(settings.bootstrap, settings.kafka)
            follow_market_time(settings.bootstrap)
            send(settings.bootstrap, 0, OLD, stamped_ms=now_ms - 4 * DAY_MS)
            send(settings.bootstrap, OLD, YOUNG, stamped_ms=now_ms)
            with stream_world.streaming(settings, environ):
                eventually(lambda: stream_world.caught_up(settings), timeout_s=120)
                more = threading.Thread(
                    target=lambda: [
                        (
                            send(settings.bootstrap, OLD + YOUNG + n, 1, stamped_ms=now_ms),
                            time.sleep(0.2),
                        )
                        for n in range(LATER)
                    ]
                )
                more.start()
                job = run_job(environ, "spark_jobs.compact_tables")
                more.join()
                assert job.returncode == 0, job.stderr
                eventually(lambda: stream_world.caught_up(settings), timeout_s=120)
            audit = run_job(environ, "cli.main", "audit", "--json")
        finally:
            broker.terminate()
            broker.wait(60)
    assert f"offset={OLD}" in job.stderr, job.stderr
    assert read_floors(settings.lake)[BOOK].offset == OLD
    total = OLD + YOUNG + LATER
    assert query(settings.lake, COUNTS)[1] == [(total - OLD, OLD, total - 1)]
    report = json.loads(audit.stdout)
    assert report["ok"], report["checks"]
    (line,) = [line for line in report["partitions"] if line["topic"] == BOOK.topic]
    assert (line["first"], line["landed"], line["missing"]) == (0, total, 0)
