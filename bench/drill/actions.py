"""What a drill does to a world: processes killed or suspended, venues broken, files damaged.

Each gets the world and the source of chance of the drill.
"""

import os
import random
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
from confluent_kafka import Producer

from bench.drill.world import DrillWorld, wait_until
from include.errors import PlatformError
from include.lake.checkpoint import batch_numbers
from include.local import supervisor
from include.local.examination import repair_what_loses_nothing
from include.local.left_overs import find_left_overs
from include.market.time import DAY_S

Act = Callable[[DrillWorld, random.Random], None]
MOMENT_S, POLL_S = 30.0, 0.002
JUNK = (b"junk", b"", b"\xff\xfe{}", b'{"v":9,"venue":"x"}', b"[]")
FAR_US = 230 * 365 * DAY_S * 1_000_000  # in the year 2199


def pass_by(_world: DrillWorld, _chance: random.Random) -> None:
    """Nothing has to be done: it ends by itself."""


def kill(name: str) -> Act:
    """SIGKILL to one process."""
    return lambda world, _: world.kill(name)


def kill_jvm(world: DrillWorld, _chance: random.Random) -> None:
    """SIGKILL to the stream's JVM alone."""
    for process in world.family("stream"):
        with suppress(psutil.Error):
            if process.name() == "java":
                process.kill()


def kill_after_append(world: DrillWorld, _chance: random.Random) -> None:
    """SIGKILL to the stream when a table has a batch and the checkpoint does not have it yet.

    Raises:
        PlatformError: no batch came.
    """
    log = Path(world.settings.lake) / "book_changes" / "_delta_log"
    commits, deadline = _count_commits(log), time.monotonic() + MOMENT_S
    while _count_commits(log) == commits:
        if time.monotonic() > deadline:
            raise PlatformError(f"nothing was appended to book_changes for {MOMENT_S:.0f} s")
        time.sleep(POLL_S)
    world.kill("stream")


def _count_commits(log: Path) -> int:
    return sum(1 for entry in os.scandir(log) if entry.name.endswith(".json"))


def kill_all(world: DrillWorld, _chance: random.Random) -> None:
    """SIGKILL to every process at once, supervisord too."""
    pid = supervisor.supervisor_pid(world.settings)
    processes = list(find_left_overs(world.settings))
    if pid is not None:
        with suppress(psutil.Error):
            processes.append(psutil.Process(pid))
    for process in processes:
        with suppress(psutil.Error):
            process.send_signal(signal.SIGKILL)
    psutil.wait_procs(processes, timeout=MOMENT_S)


def start_again(world: DrillWorld, _chance: random.Random) -> None:
    """Repair what loses nothing and start, as `up` does."""
    repair_what_loses_nothing(world.settings, print_line=world.print_line)
    world.start()


def stop(name: str) -> Act:
    """Stop one process."""
    return lambda world, _: world.stop(name)


def start(name: str) -> Act:
    """Start one process."""
    return lambda world, _: world.launch(name)


def suspend(name: str) -> Act:
    """SIGSTOP to one process and those below it."""
    return lambda world, _: world.suspend(name)


def resume(name: str) -> Act:
    """SIGCONT to them."""
    return lambda world, _: world.resume(name)


def break_venues(*entries: Mapping[str, Any]) -> Act:
    """Load faults into the simulator."""
    return lambda world, _: world.break_venues(*entries)


def send_junk(world: DrillWorld, chance: random.Random) -> None:
    """Records that are no messages, and a trade of the year 2199, straight into Kafka."""
    producer = Producer({"bootstrap.servers": str(world.settings.bootstrap)})
    trade = (
        '{"v":1,"venue":"gemini","symbol":"BTC-USD","kind":"trade","conn":"drill","seq":null,'
        f'"venue_time":{FAR_US},"received_time":{FAR_US},"events":[{{"type":"trade","trade_id":"1",'
        f'"price":"1","quantity":"1","side":"buy","traded_at":{FAR_US}}}]}}'
    ).encode()
    for topic in ("market.trades", "market.book", "market.tickers"):
        for value in chance.sample(JUNK, 3):
            producer.produce(topic, value, b"gemini|BTC-USD")
    producer.produce("market.trades", trade, b"gemini|BTC-USD")
    producer.flush(MOMENT_S)


def damage_checkpoint(world: DrillWorld, chance: random.Random) -> None:
    """Empty or cut off the newest offsets file of `land` while the stream is down."""
    world.stop("stream")
    folder = Path(str(world.settings.checkpoints)) / "land" / "stream" / "offsets"
    _cut(folder / str(max(batch_numbers(folder))), chance)


def damage_commit(world: DrillWorld, chance: random.Random) -> None:
    """Cut off the newest commit of `trades` while the stream is down."""
    world.stop("stream")
    log = Path(world.settings.lake) / "trades" / "_delta_log"
    _cut(max(log.glob("*.json")), chance)


def repair_and_start_stream(world: DrillWorld, _chance: random.Random) -> None:
    """Repair what loses nothing, as `up` does, and start the stream."""
    repair_what_loses_nothing(world.settings, print_line=world.print_line)
    world.launch("stream")


def empty_trade_ids(world: DrillWorld, _chance: random.Random) -> None:
    """Empty the file of a feed's last trade ids while the feed is down."""
    world.stop("feed-binance")
    os.truncate(world.settings.home / "feeds" / "binance.json", 0)


def damage_spool(world: DrillWorld, chance: random.Random) -> None:
    """Let a feed spool while the broker is away, kill it, and flip a byte of its spool.

    Raises:
        PlatformError: it spooled nothing.
    """
    world.stop("kafka")
    folder = world.settings.home / "feeds" / "binance.spool"
    if not wait_until(lambda: bool(_list_segments(folder)), within_s=MOMENT_S):
        raise PlatformError(f"feed-binance spooled nothing in {MOMENT_S:.0f} s")
    time.sleep(2.0)
    world.kill("feed-binance")
    world.stop("feed-binance")
    segment = chance.choice(_list_segments(folder))
    with segment.open("r+b") as file:
        offset = chance.randrange(segment.stat().st_size)
        file.seek(offset)
        byte = file.read(1)
        file.seek(offset)
        file.write(bytes([byte[0] ^ 0x10]))


def _list_segments(folder: Path) -> list[Path]:
    if not folder.exists():
        return []
    return [path for path in folder.iterdir() if path.name.isdecimal() and path.stat().st_size]


def start_broker_and_feed(world: DrillWorld, _chance: random.Random) -> None:
    """Start the broker, then the feed."""
    world.launch("kafka")
    world.launch("feed-binance")


def raise_floor(world: DrillWorld, _chance: random.Random) -> None:
    """Let less than the floor be free: by the setting, the disk itself is left alone.

    Raises:
        PlatformError: the watcher did not stop the broker.
    """
    world.set_further(SUPERVISOR_DISK_FLOOR_MB=str(10**9))
    world.stop("watcher")
    world.launch("watcher")
    states = {"kafka": ""}

    def is_stopped() -> bool:
        states.update({p.name: p.state for p in world.supervisor.processes()})
        return states["kafka"] in supervisor.OVER

    if not wait_until(is_stopped, within_s=2 * MOMENT_S):
        raise PlatformError(f"below the floor of free space kafka is {states['kafka']}")


def lower_floor(world: DrillWorld, _chance: random.Random) -> None:
    """The floor as it was: the watcher starts what it has stopped."""
    world.set_further()
    world.stop("watcher")
    world.launch("watcher")


def _cut(path: Path, chance: random.Random) -> None:
    os.truncate(path, chance.choice((0, path.stat().st_size // 2)))
