"""A backup of a running stream is one moment; restored beside a new Kafka, the stream goes on."""

import os
import random
import subprocess
import threading
from datetime import UTC, datetime
from pathlib import Path

from include.bus import ensure_topics
from include.lake.reading import count_rows
from include.lake.topic_restarts import RECREATED, read_restarts
from include.local.restoring import read_backup
from include.serving.account_states import HALTS, halt, read_halt_reason
from include.serving.annotations import NOTES as STORED_NOTES
from include.serving.annotations import add_annotation
from include.serving.connection import fetch_rows
from include.settings import ROOT, Settings, load
from tests.conftest import make_environment
from tests.support import stream_world
from tests.support.services import eventually

NOTES = ("bought the dip", "what was that?")
NOW = datetime(2026, 11, 26, tzinfo=UTC)


def tickhouse(environ: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / "tickhouse", *arguments],
        env=os.environ | environ,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def landed(settings: Settings) -> dict[str, int]:
    rows = count_rows(settings.lake)
    return {name: rows.get(name, 0) for name in ("trades", "book_changes", "quarantine")}


def back_up_while_landing(environ: dict[str, str], folder: Path) -> None:
    """Thousands of messages come before, during and after the backup."""
    with stream_world.served(environ) as (settings, _):
        broker = stream_world.broker(settings)
        try:
            ensure_topics(settings.bootstrap, settings.kafka)
            sender = stream_world.Sender(settings, random.Random(3))
            sender.send(3000)
            with stream_world.streaming(settings, environ) as stream:
                eventually(stream.progressed, timeout_s=120, what="a batch has landed")
                more = threading.Thread(target=lambda: [sender.send(500) for _ in range(20)])
                more.start()
                for note in NOTES:
                    add_annotation(settings.dsn(), "BTC-USD", 1_790_000_000, note, now=NOW)
                halt(settings.dsn(), "while I am away")  # no decision has met it yet
                halt(settings.dsn(), "too much risk", account_name="main")
                made = tickhouse(environ, "backup", str(folder))
                more.join()
                assert made.returncode == 0, made.stderr
                eventually(lambda: stream_world.caught_up(settings), timeout_s=120)
        finally:
            broker.terminate()
            broker.wait(60)


def test_a_backup_of_a_running_world_goes_on_with_a_new_kafka(tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    back_up_while_landing(make_environment(tmp_path / "old"), folder)
    backup = read_backup(folder)
    at_backup = sum(backup.watermarks.values())
    assert at_backup >= 3000

    environ = make_environment(tmp_path / "new")
    restored = tickhouse(environ, "restore", str(folder))
    assert restored.returncode == 0, restored.stderr + restored.stdout
    assert "was recreated" in restored.stdout
    assert "2 notes of the dashboard put back" in restored.stdout
    assert "2 halts put back" in restored.stdout
    settings = load(environ)
    for name in (HALTS, STORED_NOTES):  # a later repair puts back nothing that ended since
        assert not (settings.home / name).exists()
    before = landed(settings)
    with stream_world.served(environ) as (_, _postgres):
        broker = stream_world.broker(settings)
        try:
            rows = fetch_rows(settings.dsn(), "SELECT note FROM annotations")
            assert {row["note"] for row in rows} == {*NOTES}
            assert read_halt_reason(settings.dsn()) == "while I am away"
            stream_world.Sender(settings, random.Random(4)).send(800)
            with stream_world.streaming(settings, environ):
                eventually(lambda: stream_world.caught_up(settings), timeout_s=120)
            report = stream_world.report(settings)
        finally:
            broker.terminate()
            broker.wait(60)
    assert report.ok, [check for check in report.checks if not check.ok]
    assert all(audit.missing == audit.doubled == 0 for audit in report.partitions)
    assert sum(audit.landed + audit.quarantined for audit in report.partitions) == at_backup + 800
    assert sum(landed(settings).values()) > sum(before.values())
    restarts = list(read_restarts(settings.lake))
    assert {restart.cause for restart in restarts} == {RECREATED}
    assert {str(restart.part) for restart in restarts} >= set(backup.watermarks)
    for restart in restarts:
        assert restart.kafka_offset == 0
        assert restart.offset == backup.watermarks.get(str(restart.part), 0)

    again = tickhouse(environ, "restore", str(folder))
    assert again.returncode == 1 and "exists: a backup is restored into a new world" in again.stderr
