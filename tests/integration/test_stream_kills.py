"""The stream job killed again and again: every offset is there once, and no reader saw it shake.

`KILLS` is the number of kills (3 here; 20 took a quarter of an hour), `KILL_SEED` the seed of where
they fall.
"""

import os
import random
import shutil
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from include.bus import ensure_topics, offset_ranges
from include.lake.audit.agreement import check_agreement
from include.lake.audit.landed_minutes import COMPARED
from include.lake.checkpoint import committed_offsets
from include.lake.diagnosis import diagnose_queries, repair
from include.lake.tables import LANDED_TOPICS
from include.lake.topic_changes import KafkaTopics, read_reach
from include.serving.trade_minutes import refresh, served_minutes
from include.settings import Settings
from tests.conftest import make_environment
from tests.support.services import eventually
from tests.support.stream_world import (
    Reader,
    Sender,
    broker,
    caught_up,
    checkpoint,
    report,
    served,
    signals_in_lake,
    signals_in_postgres,
    signals_on_kafka,
    streaming,
    wait,
)

SEED = int(os.environ.get("KILL_SEED", random.randrange(10**6)))
KILLS = int(os.environ.get("KILLS", "3"))
MESSAGES = 30_000
BROKER_KILLS = 2
POINTS = (
    "before_write",
    "after_delta_commit",
    "after_files",
    "before_checkpoint_commit",
    "after_send",
    "after_insert",
)
World = tuple[Settings, dict[str, str]]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A Postgres and settings; the broker is the test's own, to be killed."""
    environ = make_environment(
        tmp_path / "var",
        STREAM_TRIGGER_S="0.2",
        STREAM_SIGNALS_TRIGGER_S="1",
        STREAM_MAX_OFFSETS="10000",
        STREAM_DRIVER_MEMORY="1g",
    )
    with served(environ) as (settings, _):
        yield settings, environ


@pytest.mark.timeout(1800)
def test_nothing_is_lost_or_doubled_however_often_the_stream_is_killed(world: World) -> None:
    settings, environ = world
    print(f"seed {SEED}")
    chance = random.Random(SEED)
    bus = broker(settings)
    reader = Reader(settings)
    try:
        ensure_topics(settings.bootstrap)
        sender = Sender(settings, chance)
        reader.start()
        for kill in range(KILLS):
            sender.send(MESSAGES // KILLS)
            if kill in range(KILLS // 3, KILLS, max(1, KILLS // 3)):
                bus.send_signal(signal.SIGKILL)
                bus.wait(30)
                bus = broker(settings)
            point = POINTS[kill % len(POINTS)] if kill % 2 else "none"
            with streaming(settings, environ, point, chance.randrange(1, 3)) as stream:
                eventually(stream.progressed, timeout_s=300, what=f"{point} {kill} goes on")
                wait(chance.uniform(0, 2))
                if stream.process.poll() is None:
                    stream.kill(jvm=chance.random() < 0.3)
        with streaming(settings, environ) as stream:
            eventually(lambda: caught_up(settings), timeout_s=400, what="all is landed")
            eventually(lambda: windows_closed(settings), timeout_s=60, what="signals are there")
            assert stream.process.poll() is None
        reader.finish()
        assert_clean(settings, reader, junk=sender.junk)
    finally:
        reader.finish()
        bus.kill()
        bus.wait(30)


def assert_clean(settings: Settings, reader: Reader, *, junk: int) -> None:
    audit = report(settings)
    assert audit.ok, audit.checks
    accounted = sum(line.landed + line.quarantined for line in audit.partitions)
    assert accounted == MESSAGES // KILLS * KILLS
    assert sum(line.quarantined for line in audit.partitions) == junk
    assert (reader.vanished, reader.looks > 20) == ([], True)
    refresh(settings, now=datetime.now(UTC))
    positions, minutes = served_minutes(settings.dsn(), COMPARED)
    agreed = check_agreement(settings.lake, offsets=positions, served=minutes)
    assert agreed.ok and len(minutes) > 5, agreed
    assert_signals_agree(settings)


def assert_signals_agree(settings: Settings) -> None:
    """Each signal is on Kafka once, and Delta and Postgres have the same."""
    on_kafka = signals_on_kafka(settings)
    assert len(on_kafka) == len({signal[:4] for signal in on_kafka})
    assert {kind for _, _, kind, *_ in on_kafka} == {"bid", "ask", "price_volume", "average_price"}
    assert signals_in_lake(settings) == on_kafka
    assert signals_in_postgres(settings) == on_kafka


def windows_closed(settings: Settings) -> bool:
    """Whether `signals` has read all, and Postgres has what Delta has."""
    stream = settings.home / "checkpoints" / "signals" / "stream"
    ends = {at: end for at, (_, end) in offset_ranges(settings.bootstrap, ["market.book"]).items()}
    committed = committed_offsets(stream)
    in_lake = signals_in_lake(settings)
    return committed == ends and len(in_lake) > 20 and signals_in_postgres(settings) == in_lake


@pytest.mark.timeout(900)
def test_the_kill_test_is_red_without_idempotence(world: World) -> None:
    settings, environ = world
    bus = broker(settings)
    try:
        ensure_topics(settings.bootstrap)
        with streaming(settings, environ, "sabotage_and_die") as stream:
            # Sent after the epoch began: what is older is protected by a second means.
            epoch = checkpoint(settings).with_name("epoch.json")
            eventually(epoch.exists, timeout_s=300, what="the stream began")
            Sender(settings, random.Random(SEED)).send(3000)
            eventually(lambda: stream.process.poll() is not None, timeout_s=300, what="it died")
        with streaming(settings, environ, "sabotage"):
            eventually(lambda: caught_up(settings), timeout_s=300, what="all is landed")
        audit = report(settings)
        assert not audit.ok
        assert sum(line.doubled for line in audit.partitions) > 0
    finally:
        bus.kill()
        bus.wait(30)


def emptied(checkpoint: Path) -> None:
    """As a power cut leaves it: the newest offsets file is there, and empty."""
    newest = max(checkpoint.joinpath("offsets").glob("[0-9]*"), key=lambda path: int(path.name))
    newest.write_text("")
    newest.with_name(f".{newest.name}.crc").unlink(missing_ok=True)


def uncommitted(checkpoint: Path) -> None:
    newest = max(checkpoint.joinpath("commits").glob("[0-9]*"), key=lambda path: int(path.name))
    newest.unlink()


def lost(checkpoint: Path) -> None:
    shutil.rmtree(checkpoint.parent)


@pytest.mark.timeout(900)
def test_a_damaged_checkpoint_is_refused_and_rebuilt_without_loss_or_doubling(
    world: World,
) -> None:
    settings, environ = world
    bus = broker(settings)
    try:
        ensure_topics(settings.bootstrap)
        sender = Sender(settings, random.Random(SEED))
        for harm, state in (
            (None, "new"),
            (uncommitted, "intact"),
            (emptied, "damaged"),
            (lost, "lost"),
        ):
            if harm is not None:
                harm(checkpoint(settings))
            sender.send(800)
            topics = KafkaTopics(offset_ranges(settings.bootstrap, LANDED_TOPICS), {})
            reach = read_reach(settings.home, settings.lake, topics.ranges)
            land = diagnose_queries(settings.home, reach, topics)[0]
            assert (land.query, land.state) == ("land", state), land
            if state == "damaged":
                with streaming(settings, environ) as refused:
                    assert refused.process.wait(300) == 1
                assert "damaged" in output_of(settings)
                repair(settings.home, "land", repaired_at=datetime.now(UTC))
            with streaming(settings, environ):
                eventually(lambda: caught_up(settings), timeout_s=300, what=f"after {harm}")
                if harm is None:
                    assert_a_second_copy_leaves(settings, environ)
            audit = report(settings)
            assert audit.ok, (harm, audit.checks)
        accounted = sum(line.landed + line.quarantined for line in audit.partitions)
        assert accounted == 4 * 800
    finally:
        bus.kill()
        bus.wait(30)


def assert_a_second_copy_leaves(settings: Settings, environ: dict[str, str]) -> None:
    with streaming(settings, environ) as second:
        assert second.process.wait(200) == 1
    assert "the stream job is running already (pid" in output_of(settings)


def output_of(settings: Settings) -> str:
    return (settings.home / "stream.log").read_text(errors="replace")[-4000:]
