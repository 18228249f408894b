"""A broker away and a feed killed: every trade id is in Kafka once, or in a gap of the ledger."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from include.bus import Consumer, ensure_topics
from include.local import kafka
from include.market import wire
from include.market.events import LedgerEntry, Message
from include.settings import load
from tests.conftest import make_environment
from tests.support.services import eventually, running

TOPICS = ("market.trades", "market.ledger")
SYMBOL = "BTC-USDT"


def test_no_trade_is_lost_while_the_broker_is_away_and_a_kill_shows_its_hole(
    tmp_path: Path,
) -> None:
    env = make_environment(tmp_path / "var", VENUES_BINANCE_SYMBOLS=SYMBOL)
    venue = f"127.0.0.1:{env['TICKHOUSE_PORTS_SIMULATOR']}"
    env["TICKHOUSE_VENUES_BINANCE_WS_URL"] = f"ws://{venue}"
    env["TICKHOUSE_VENUES_BINANCE_REST_URL"] = f"http://{venue}"
    settings, log, messages = load(env), tmp_path / "log", list[Message]()
    kafka.prepare(settings)
    spool = settings.home / "feeds" / "binance.spool"
    feed = [sys.executable, "-m", "streaming.feeds", "binance"]

    def trades() -> list[int]:
        messages.extend(wire.decode(record.value) for record in consumer.poll(0.2))
        return [one.seq[0] for one in messages if one.kind == "trade" and one.seq]

    def more_than(count: int) -> bool:
        return len(trades()) > count

    with running([sys.executable, "-m", "streaming.simulator"], log=log, env=env):
        with running(kafka.build_command(settings), log=log) as broker:
            eventually(lambda: kafka.answers(settings), what="the broker answers")
            ensure_topics(settings.bootstrap)
            consumer = Consumer(settings.bootstrap, topics=TOPICS)
            first = subprocess.Popen(feed, env={**os.environ, **env}, stderr=log.open("ab"))
            try:
                eventually(lambda: more_than(5), what="trades")
                os.kill(broker.pid, signal.SIGKILL)
                broker.wait()
                eventually(lambda: spooled_bytes(spool) > 2000, what="messages on disk")
                with running(kafka.build_command(settings), log=log):
                    eventually(lambda: kafka.answers(settings), what="the broker is back")
                    eventually(lambda: spooled_bytes(spool) == 0, what="the spool drained")
                    before = len(trades())
                    eventually(lambda: more_than(before + 4), what="trades after it")
                    seen = trades()
                    assert seen == list(range(seen[0], seen[0] + len(seen)))
                eventually(lambda: spooled_bytes(spool) > 2000, what="messages on disk again")
                os.kill(first.pid, signal.SIGKILL)
                first.wait()
                with running(kafka.build_command(settings), log=log):
                    eventually(lambda: kafka.answers(settings), what="the broker is back again")
                    with running(feed, log=log, env=env):
                        eventually(lambda: more_than(before + 4), what="what was on the disk")
                        killed = len(trades())
                        eventually(lambda: more_than(killed + 4), what="trades of the next feed")
            finally:
                first.kill()
                first.wait()
                consumer.close()
    gaps = [event for one in messages for event in one.events if isinstance(event, LedgerEntry)]
    holes = [gap for gap in gaps if gap.entry in {"gap", "dropped"}]
    missing = {n for gap in holes for n in range(gap.first_seq or 0, (gap.last_seq or 0) + 1)}
    seen = trades_of(messages)
    assert len(seen) == len(set(seen)) and [hole.entry for hole in holes] == ["dropped", "gap"]
    assert set(seen) | missing == set(range(min(seen), max(seen) + 1))


def spooled_bytes(spool: Path) -> int:
    return sum(path.stat().st_size for path in spool.glob("[0-9]*"))


def trades_of(messages: list[Message]) -> list[int]:
    return [one.seq[0] for one in messages if one.kind == "trade" and one.seq]
