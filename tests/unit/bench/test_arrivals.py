"""What was sent and did not come in its time is waited for, and counts if it never comes."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bench import arrivals
from bench.arrivals import Arrivals, RecordSpan, await_arrivals, describe
from bench.lateness import commit_delays_ms, read_span_delays_ms
from include.market.wire import TopicPartition

AT, OTHER = TopicPartition("market.book", 0), TopicPartition("market.book", 1)
BEGAN_US = 1_700_000_000_000_000


def test_a_span_holds_the_offsets_that_came_while_it_was_open() -> None:
    span = RecordSpan({AT: 5, OTHER: 0}, {AT: 8, OTHER: 2})
    assert span.count == 5
    held = [(at, offset) for at in (AT, OTHER) for offset in range(10) if (at, offset) in span]
    assert held == [(AT, 5), (AT, 6), (AT, 7), (OTHER, 0), (OTHER, 1)]
    assert (TopicPartition("market.trades", 0), 6) not in span


def test_what_comes_after_the_measure_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    slept = list[float]()
    monkeypatch.setattr("bench.arrivals.time.sleep", slept.append)
    looks = iter([[1.0], [1.0, 2.0], [1.0, 2.0, 900.0]])
    assert await_arrivals(lambda: next(looks), sent_count=3) == Arrivals([1.0, 2.0, 900.0], 0)
    assert len(slept) == 2


def test_what_never_comes_counts_as_late_as_it_was_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now_s = iter([0.0, 1.0, 61.0])
    monkeypatch.setattr("bench.arrivals.time.monotonic", lambda: next(now_s))
    monkeypatch.setattr("bench.arrivals.time.sleep", lambda _: None)
    found = await_arrivals(lambda: [5.0] * 98, sent_count=100)
    assert found.missing == 2 and sorted(found.delays_ms)[-3:] == [5.0, 61_000.0, 61_000.0]
    rows = {row.name: row.value for row in describe("land", found)}
    assert rows["land_p50"] == 5.0 and rows["land_p99"] > 30_000 and rows["land_missing"] == 2


def test_the_peer_is_told_with_what_it_misses() -> None:
    rows = describe("m", Arrivals([1.0], 0), peer="job", peers=Arrivals([4.0], 1))
    assert [(row.name, row.peer, row.peer_value) for row in rows] == [
        ("m_p50", "job", 4.0),
        ("m_p99", "job", 4.0),
        ("m_missing", "job", 1),
    ]
    assert arrivals.GRACE_S >= 30


def commit(table: Path, version: int, offsets: list[int], *, committed_s: float) -> None:
    """One commit of rows that Kafka got 10 ms apart from `BEGAN_US` on."""
    stamps = [datetime.fromtimestamp(BEGAN_US / 1e6 + one / 100, UTC) for one in offsets]
    rows = {
        "topic": [AT.topic] * len(offsets),
        "partition": pa.array([0] * len(offsets), pa.int32()),
        "offset": offsets,
        "kafka_time": pa.array(stamps, pa.timestamp("us", "UTC")),
    }
    pq.write_table(pa.table(rows), table / f"{version}.parquet")
    log = table / "_delta_log" / f"{version:020}.json"
    log.parent.mkdir(exist_ok=True)
    actions = [{"commitInfo": {}}, {"add": {"path": f"{version}.parquet", "dataChange": True}}]
    log.write_text("\n".join(map(json.dumps, actions)))
    committed_s += BEGAN_US / 1e6
    os.utime(log, (committed_s, committed_s))


def test_the_delays_of_a_span_are_those_of_its_offsets_once_each(tmp_path: Path) -> None:
    commit(tmp_path, 0, [0, 1, 2], committed_s=1)
    commit(tmp_path, 1, [2, 3, 4], committed_s=2)
    found = read_span_delays_ms(str(tmp_path), RecordSpan({AT: 1}, {AT: 4}), since_us=BEGAN_US)
    assert found == pytest.approx([990, 980, 1970])
    everything = commit_delays_ms(str(tmp_path), since_us=BEGAN_US + 15_000)
    assert everything == pytest.approx([980, 1980, 1970, 1960])
