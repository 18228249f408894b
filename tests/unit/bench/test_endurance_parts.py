"""The endurance benchmark's parts: its market, its clock, what it counts, its lines."""

import os
import subprocess
import sys
import time
from collections import defaultdict
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import psutil
import pytest

from bench.default_markets import MARKETS, DefaultMarkets
from bench.endurance import describe_usage, summarize, usage_figures
from bench.endurance_jobs import age_logs
from bench.market_clock import MarketClock, share_clock, shared_now
from bench.process_usage import Usage, UsageSampler, folder_size
from include.clock import now_us
from include.market import wire
from include.market.events import INITIAL, Top
from include.market.time import DAY_US
from include.market.venues import VENUES, TradeNumbers

MIDNIGHT_US = 20_000 * DAY_US
MIB = 1024 * 1024
WORK = """
import os, time
end = time.process_time() + 1
while time.process_time() < end: pass
with open({path!r}, "wb") as file:
    file.write(os.urandom(4 << 20)); file.flush(); os.fsync(file.fileno())
time.sleep(60)
"""


def test_two_days_have_every_market_in_order_of_time_and_every_number_but_one_a_day() -> None:
    markets = DefaultMarkets(7)
    days = [list(markets.day(MIDNIGHT_US + day * DAY_US, 12_000)) for day in range(2)]
    for day, messages in enumerate(days):
        times = [message.received_time for message in messages]
        assert (
            MIDNIGHT_US + day * DAY_US <= times[0] and times[-1] < MIDNIGHT_US + (day + 1) * DAY_US
        )
        assert max(a - b for a, b in pairwise(times)) < 2 * 3_600_000_000
    numbers, missing, healed = defaultdict(list), [], []
    for message in days[0] + days[1]:
        assert wire.decode(wire.encode(message)) == message
        if message.kind == "trade" and message.seq:
            numbers[message.venue, message.symbol].append(message.seq[0])
        if message.kind == "ledger" and message.events[0].entry == "gap":
            missing.append((message.venue, message.symbol, message.events[0].first_seq))
        if message.kind == "ledger" and message.events[0].entry == "healed":
            healed.append((message.venue, message.symbol, message.events[0].first_seq))
    assert sorted(numbers) == sorted(MARKETS)
    assert len(missing) == 2 and healed == missing
    late = {number for *_, number in missing}
    for (venue, symbol), in_order in numbers.items():
        assert sorted(in_order) == list(range(min(in_order), max(in_order) + 1))
        jumps = {b for a, b in pairwise(in_order) if b != a + 1}
        assert bool(jumps) == ((venue, symbol) == missing[0][:2])
        if jumps:
            assert VENUES[venue].trades is TradeNumbers.SEQUENCE and late & jumps == late


def test_a_late_trade_comes_after_the_ledger_has_its_gap() -> None:
    kinds = [
        (message.kind, getattr(message.events[0], "entry", ""), message.seq)
        for message in DefaultMarkets(7).day(MIDNIGHT_US, 12_000)
    ]
    gap = next(place for place, kind in enumerate(kinds) if kind[1] == "gap")
    healed = next(place for place, kind in enumerate(kinds) if kind[1] == "healed")
    assert gap < healed - 1 and kinds[healed - 1][0] == "trade"


def test_the_clock_runs_as_fast_as_asked_and_stands_at_its_end(tmp_path: Path) -> None:
    clock = MarketClock(from_us=0, until_us=DAY_US, wall_us=now_us() - 500_000, speed=1000.0)
    assert 500_000_000 <= clock.now_us() < 2_000_000_000
    assert clock.wall_us_at(clock.from_us) == clock.wall_us
    assert clock.wall_us_at(1_000_000_000) == clock.wall_us + 1_000_000
    over = MarketClock.start(MIDNIGHT_US, MIDNIGHT_US + 1_000, within_s=1e-6)
    time.sleep(0.01)
    share_clock(tmp_path, over)
    assert shared_now(tmp_path).timestamp() * 1e6 == pytest.approx(MIDNIGHT_US + 1_000)


def test_what_a_process_and_its_child_use_is_counted_by_name(tmp_path: Path) -> None:
    parent = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"
    work = WORK.format(path=str(tmp_path / "written"))
    process = subprocess.Popen([sys.executable, "-c", parent, work])
    sampler = UsageSampler(lambda started: "worker" if started.pid == process.pid else "other")
    try:
        deadline = time.monotonic() + 20
        while not (tmp_path / "written").exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(1)
        usage = sampler.take()["worker"]
        assert usage.processor_s >= 1 and usage.memory_mib > 1
        assert 4 * MIB <= usage.written < 8 * MIB
        time.sleep(1)
        again = sampler.take()["worker"]
        assert again.processor_s < 0.5 and again.written < MIB
    finally:
        sampler.stop()
        for child in psutil.Process(process.pid).children():
            child.kill()
        process.kill()
        process.wait()


def test_a_folder_has_the_space_and_files_of_all_below_and_not_what_was_only_reserved(
    tmp_path: Path,
) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "one").write_bytes(os.urandom(MIB))
    (tmp_path / "a" / "b" / "two").write_bytes(os.urandom(MIB))
    with (tmp_path / "index").open("wb") as reserved:
        reserved.truncate(100 * MIB)
    size, files = folder_size(tmp_path)
    assert files == 3 and 2 * MIB <= size < 3 * MIB


def test_only_the_files_of_the_logs_grow_older(tmp_path: Path) -> None:
    log, data = tmp_path / "trades" / "_delta_log" / "0.json", tmp_path / "trades" / "data.parquet"
    log.parent.mkdir(parents=True)
    for file in (log, data):
        file.write_text("")
    before = data.stat().st_mtime
    age_logs(tmp_path, 86_400)
    assert data.stat().st_mtime == before
    assert before - log.stat().st_mtime == pytest.approx(86_400, abs=5)


def test_a_figure_that_grows_from_the_third_day_on_has_a_slope_beyond_its_error() -> None:
    days = [
        {("kept", "MB"): 100.0 * (day < 2) + 5 * day + (day % 2), ("audit", "s"): 7 + (day % 3)}
        for day in range(12)
    ]
    rows = {row.name: row.value for row in summarize(days)}
    assert rows["kept, slope"] == pytest.approx(5, abs=0.2)
    assert rows["kept, slope's error"] < 0.5
    assert abs(rows["audit, slope"]) <= rows["audit, slope's error"]
    assert rows["audit"] == 8


def test_each_job_and_process_has_a_line_of_what_it_wrote_and_the_most_is_first() -> None:
    usage = {
        "heal": Usage(processor_s=2.64, written=40_000, memory_mib=109.4),
        "join": Usage(processor_s=60.0, written=24_000_000, memory_mib=602.04),
        "stream": Usage(processor_s=77.7, written=13_000_000, memory_mib=2153.6),
    }
    assert list(describe_usage(usage, payload_bytes=16_000_000)) == [
        "join: 24.00 MB written, 1.50 x payload, 60.0 s of processor, 602 MiB",
        "stream: 13.00 MB written, 0.81 x payload, 77.7 s of processor, 2154 MiB",
        "heal: 0.04 MB written, 0.00 x payload, 2.6 s of processor, 109 MiB",
    ]


def test_what_each_job_wrote_is_a_figure_with_a_slope() -> None:
    days = [
        usage_figures({"join": Usage(processor_s=60, written=day * 10**6, memory_mib=600)})
        for day in (9, 9, 20, 21, 22)
    ]
    rows = {(row.name, row.unit): row.value for row in summarize(days)}
    assert rows["written by join", "MB"] == 21
    assert rows["written by join, slope", "MB/day"] == 1
    assert rows["memory of join", "MiB"] == 600 and rows["processor of join", "s"] == 60


def test_two_days_have_no_line() -> None:
    rows = list(summarize([{("kept", "MB"): 1.0}, {("kept", "MB"): 3.0}]))
    assert [(row.name, row.value) for row in rows] == [("kept", 2.0)]


def test_each_book_begins_with_a_snapshot_and_has_the_top_that_its_messages_name() -> None:
    books: dict[tuple[str, str], dict[str, dict[Decimal, Decimal]]] = {}
    for message in DefaultMarkets(7).day(MIDNIGHT_US, 12_000):
        if message.kind != "book":
            continue
        market = message.venue, message.symbol
        if market not in books:
            assert {event.reason for event in message.events} == {INITIAL}
        book = books.setdefault(market, {"bid": {}, "ask": {}})
        for event in message.events:
            book[event.side][event.price] = event.remaining
        bid, ask = max(book["bid"].items()), min(book["ask"].items())
        assert message.top == Top(*bid, *ask)
    assert list(books) == MARKETS
