"""The bus on a real broker: what is sent is there once, through a broker's death as well."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from include.bus import Consumer, Producer, ensure_topics, offset_ranges
from include.errors import Unreachable
from include.local import kafka
from include.market import wire
from include.market.events import LedgerEntry, Message
from tests.conftest import make_settings
from tests.support.services import eventually, free_ports, running


def message(number: int) -> Message:
    return Message(
        venue="gemini",
        symbol="BTC-USD",
        kind="ledger",
        conn="c",
        seq=(number, number),
        venue_time=None,
        received_time=number,
        events=(LedgerEntry("gap", f"n{number}"),),
    )


def read(consumer: Consumer, count: int) -> list[bytes]:
    values: list[bytes] = []

    def enough() -> bool:
        values.extend(record.value for record in consumer.poll(0.5))
        return len(values) >= count

    eventually(enough, timeout_s=60, what=f"{count} records")
    return values


def test_an_eight_megabyte_record_and_a_small_one_arrive_from_given_offsets(
    kafka_broker: str,
) -> None:
    ensure_topics(kafka_broker)
    ensure_topics(kafka_broker)
    _, end = offset_ranges(kafka_broker, ["trading.scores"])["trading.scores", 0]
    producer = Producer(kafka_broker, client_id="t")
    producer.send("trading.scores", b"k", b"x" * wire.MAX_MESSAGE_BYTES)
    producer.send("trading.scores", b"k", b"small")
    producer.close()
    assert (producer.sent, producer.acknowledged, producer.failed) == (2, 2, 0)
    at_small = {("trading.scores", 0): end + 1}
    for positions, sizes in ((None, [wire.MAX_MESSAGE_BYTES, 5]), (at_small, [5])):
        consumer = Consumer(kafka_broker, topics=["trading.scores"], offsets=positions)
        assert [len(value) for value in read(consumer, len(sizes))] == sizes
        assert consumer.offsets == {("trading.scores", 0): end + 2}
        consumer.close()


def test_a_missing_topic_and_a_missing_broker_are_said(kafka_broker: str) -> None:
    with pytest.raises(Unreachable, match=r"no topic market\.nonsense"):
        Consumer(kafka_broker, topics=["market.nonsense"])


def test_a_broker_killed_and_restarted_loses_and_doubles_nothing(tmp_path: Path) -> None:
    settings = make_settings(tmp_path / "var")
    kafka.prepare(settings)
    log = tmp_path / "broker.log"

    def started(process: subprocess.Popen[bytes]) -> subprocess.Popen[bytes]:
        eventually(lambda: kafka.answers(settings), what="the broker answers")
        return process

    with running(kafka.command(settings), log=log) as first:
        started(first)
        ensure_topics(settings.bootstrap)
        producer = Producer(settings.bootstrap, client_id="t")
        consumer = Consumer(settings.bootstrap, topics=["market.ledger"])
        for number in range(500):
            producer.publish(message(number))
        values = read(consumer, 1)
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        for number in range(500, 1000):
            producer.publish(message(number))
    with running(kafka.command(settings), log=log) as second:
        started(second)
        producer.flush(60)
        values += read(consumer, 1000 - len(values))
        numbers = [wire.decode(value).received_time for value in values]
        assert numbers == list(range(1000))
        assert (producer.acknowledged, producer.failed) == (1000, 0)
        producer.close()
        consumer.close()


def test_no_broker_at_all_is_unreachable() -> None:
    port = free_ports(1)[0]
    with pytest.raises(Unreachable, match="does not answer"):
        offset_ranges(f"127.0.0.1:{port}", ["market.book"])
