"""Simulator, feed and broker together: nothing is lost, junk is rejected, a kill is reported."""

import os
import signal
import sys
import urllib.request
from pathlib import Path

from include.bus import Consumer, ensure_topics, offset_ranges
from include.market import wire
from include.market.events import LedgerEntry, Message, Reject
from tests.conftest import make_environment
from tests.support.services import eventually, running

TOPICS = ("market.book", "market.ledger", "market.rejects")
FAULTS = (
    b"junk",
    b'{"type":"update","eve',
    b"\xff\xfe\xfd",
    b"",
    b"x" * 5_000_000,
    b'{"type":"update","eventId":"one","socket_sequence":[],"events":3}',
)


def test_every_frame_is_accounted_for_through_junk_and_a_kill(
    kafka_broker: str, tmp_path: Path
) -> None:
    env = make_environment(tmp_path / "var", KAFKA_BOOTSTRAP=kafka_broker)
    base = f"127.0.0.1:{env['TICKHOUSE_PORTS_SIMULATOR']}"
    env["TICKHOUSE_VENUES_GEMINI_WS_URL"] = f"ws://{base}"
    ensure_topics(kafka_broker)
    ends = {place: end for place, (_, end) in offset_ranges(kafka_broker, TOPICS).items()}
    consumer = Consumer(kafka_broker, topics=TOPICS, offsets=ends)
    messages: list[Message] = []

    def seen(topic_kind: str, *, conns: int = 1) -> list[Message]:
        messages.extend(wire.decode(record.value) for record in consumer.poll(0.2))
        found = [message for message in messages if message.kind == topic_kind]
        return found if len({message.conn for message in found}) >= conns else []

    python, log = sys.executable, tmp_path / "log"
    simulator = [python, "-m", "streaming.simulator"]
    feed = [python, "-m", "streaming.feeds", "gemini"]
    with running(simulator, log=log, env=env):
        with running(feed, log=log, env=env) as first:
            eventually(lambda: len(seen("book")) > 20, what="book messages")
            for fault in FAULTS:
                url = f"http://{base}/faults/gemini"
                headers = {"Content-Type": "application/json"}
                urllib.request.urlopen(urllib.request.Request(url, fault, headers))
            eventually(lambda: len(seen("reject")) == len(FAULTS), what="rejects")
            before = len(seen("book"))
            eventually(lambda: len(seen("book")) > before + 10, what="more after the junk")
            os.kill(first.pid, signal.SIGKILL)
            first.wait()
        with running(feed, log=log, env=env):
            eventually(lambda: seen("book", conns=2), what="a second connection")
            eventually(lambda: len(seen("book", conns=2)) > 40, what="its messages")
    eventually(lambda: any(_entry(one) == "disconnect" for one in seen("ledger")), what="goodbye")
    consumer.close()
    conns = dict.fromkeys(one.conn for one in messages if one.kind == "book")
    for conn in conns:
        seqs = [
            one.seq for one in messages if one.conn == conn and one.kind in {"book", "heartbeat"}
        ]
        assert seqs == [(n, n) for n in range(len(seqs))], conn
    first_conn, second_conn = conns
    rows = [
        (_entry(one), one.conn) for one in messages if one.kind == "ledger" and one.conn in conns
    ]
    assert [row for row in rows if row[0] != "gap"] == [
        ("connect", first_conn),
        ("connect", second_conn),
        ("disconnect", second_conn),
    ]
    rejects = [one.events[0] for one in messages if one.kind == "reject"]
    assert [reject.reason for reject in rejects if isinstance(reject, Reject)] == [
        "not_json",
        "not_json",
        "not_utf8",
        "empty",
        "not_json",
        "wrong_type",
    ]
    assert all(one.top is not None for one in messages if one.kind == "book")


def _entry(message: Message) -> str:
    (entry,) = message.events
    assert isinstance(entry, LedgerEntry)
    return entry.entry
