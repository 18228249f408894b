"""The real run: train on real bars, replay a real tape through the whole platform, compare all.

Values are compared with a reading of the tape and of the published CSV that shares no code with
Tickhouse.
"""

import csv
import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.support.services import eventually
from tests.support.whole_platform import PlatformRun, up

TAPE = "ws/gemini_v1/btcusd_2018-04-24"
BARS = "bars/bitfinex_btcusd_1m_2018-02-01_2018-04-30.csv.gz"
UNTIL = "2018-04-24T05:00:00+00:00"
FRAMES = 9396
STEP = Decimal("1e-8")
FEE = Decimal("0.004")
POSITION = Decimal("0.1")  # of the account's worth: with less of it in base one is not in


class Tape:
    """The tape as plain Python reads it: changes, sums a minute, best bid and ask over time."""

    def __init__(self, path: Path) -> None:
        self.changes: Counter[tuple[Any, ...]] = Counter()
        self.sums: dict[int, dict[str, Decimal]] = defaultdict(lambda: {"bid": 0, "ask": 0})
        self.tops: list[tuple[int, Decimal, Decimal, Decimal, Decimal]] = []
        book: dict[str, dict[Decimal, Decimal]] = {"bid": {}, "ask": {}}
        with gzip.open(path.with_name(path.name + ".jsonl.gz"), "rt") as lines:
            for line in lines:
                self._take(json.loads(line, parse_float=Decimal), book)

    def _take(self, frame: dict[str, Any], book: dict[str, dict[Decimal, Decimal]]) -> None:
        for event in frame["events"]:
            if event["type"] != "change":
                continue
            side, price = event["side"], Decimal(event["price"])
            left = Decimal(event["remaining"])
            self.changes[frame["socket_sequence"], side, price, left, event["reason"]] += 1
            if event["reason"] != "initial":
                self.sums[frame["timestampms"] // 60_000][side] += price * left
            book[side].pop(price, None)
            if left > 0:
                book[side][price] = left
        if "timestampms" in frame:
            bid, ask = max(book["bid"]), min(book["ask"])
            self.tops.append((frame["timestampms"], bid, book["bid"][bid], ask, book["ask"][ask]))

    def top_at(self, ms: int) -> tuple[Decimal, Decimal, Decimal, Decimal]:
        return [top[1:] for top in self.tops if top[0] <= ms][-1]

    def closed_minutes(self) -> list[int]:
        """Minutes with both sides that end 10 s (the watermark) before the last event or more."""
        last = self.tops[-1][0] - 10_000
        return sorted(
            m for m in self.sums if (m + 1) * 60_000 < last and all(self.sums[m].values())
        )


@pytest.fixture(scope="module")
def tape(shared_data: Path) -> Tape:
    return Tape(shared_data / TAPE)


@pytest.fixture(scope="module")
def run(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlatformRun]:
    """The platform after the whole tape has passed through it."""
    flags = (
        "--tape",
        str(shared_data / TAPE),
        "--speed",
        "40",
        "--history",
        str(shared_data / BARS),
        "--until",
        UNTIL,
    )
    with up(PlatformRun(tmp_path_factory.mktemp("tape") / "var"), *flags) as platform:
        eventually(
            lambda: (
                platform.sql(
                    "SELECT count(DISTINCT seq_first) AS n FROM book_changes"
                    " WHERE topic = 'market.book'"
                )[0]["n"]
                >= FRAMES
                and platform.behind() == 0
            ),
            timeout_s=240,
            every_s=2,
            what="the tape has landed",
        )
        minutes = len(Tape(shared_data / TAPE).closed_minutes())
        eventually(
            lambda: len(platform.sql("SELECT decision_id FROM decisions")) >= minutes,
            timeout_s=120,
            every_s=2,
            what="a decision for each signal has landed",
        )
        yield platform


def micros(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1_000_000)


def test_three_dags_are_green_and_were_started_through_the_api(run: PlatformRun) -> None:
    for dag in ("ingest_history", "retrain_forecast", "publish_forecast"):
        assert [dag_run.state for dag_run in run.airflow.runs(dag)] == ["success"], dag
    (first,) = run.airflow.runs("ingest_history")
    assert first.triggered_by == "rest_api"


def test_every_change_of_every_frame_is_in_delta_once(run: PlatformRun, tape: Tape) -> None:
    rows = run.sql(
        "SELECT seq_first, side, price, remaining, reason FROM book_changes WHERE side IS NOT NULL"
    )
    found = Counter(
        (
            one["seq_first"],
            one["side"],
            Decimal(one["price"]).normalize(),
            Decimal(one["remaining"]).normalize(),
            one["reason"],
        )
        for one in rows
    )
    sent = Counter(
        {
            (seq, side, price.normalize(), left.normalize(), reason): n
            for (seq, side, price, left, reason), n in tape.changes.items()
        }
    )
    assert sum(sent.values()) > 10_000
    assert found == sent


def test_the_signals_of_each_minute_equal_an_independent_computation(
    run: PlatformRun, tape: Tape
) -> None:
    rows = run.sql("SELECT type, value, window_start FROM signals")
    found = {
        (micros(one["window_start"]) // 60_000_000, one["type"]): Decimal(one["value"])
        for one in rows
    }
    minutes = tape.closed_minutes()
    assert len(minutes) >= 15
    assert sorted({minute for minute, kind in found if kind == "price_volume"}) == minutes
    for minute in minutes:
        bid, ask = tape.sums[minute]["bid"], tape.sums[minute]["ask"]
        assert abs(found[minute, "bid"] - bid) < Decimal("1e-6")
        assert abs(found[minute, "ask"] - ask) < Decimal("1e-6")
        assert abs(found[minute, "price_volume"] - ask / bid) < Decimal("1e-9")


def expected_orders(tape: Tape, sides: dict[int, str]) -> list[tuple[Any, ...]]:
    """The rule of the README worked through by hand over the tape: (minute, side, price, size)."""
    quote, base, made = Decimal(10_000), Decimal(0), []
    for minute in tape.closed_minutes():
        end = minute + 1
        side, sums = sides[end + 1], tape.sums[minute]
        bid, bid_size, ask, ask_size = tape.top_at(end * 60_000)
        inside = Decimal("0.1") < sums["ask"] / sums["bid"] < Decimal(2)
        if side == "sell" and base > 0:
            size = min(base, bid_size)
            made.append((minute, "sell", bid, base, size))
            fee = (bid * size * FEE).quantize(STEP, ROUND_CEILING)
            quote, base = quote + (bid * size).quantize(STEP, ROUND_FLOOR) - fee, base - size
        elif side == "buy" and base * ask < POSITION * (quote + base * ask) and inside:
            wanted = (quote * Decimal("0.9") / ask).quantize(STEP, ROUND_FLOOR)
            size = min(wanted, ask_size)
            made.append((minute, "buy", ask, wanted, size))
            fee = (ask * size * FEE).quantize(STEP, ROUND_CEILING)
            quote, base = quote - (ask * size).quantize(STEP, ROUND_CEILING) - fee, base + size
    return made


def test_each_signal_made_a_decision_and_orders_are_where_the_rule_says(
    run: PlatformRun, tape: Tape
) -> None:
    pointer = run.settings.forecasts / "CURRENT"
    folder = run.settings.forecasts / pointer.read_text().strip()
    with (folder / "forecast.csv").open() as lines:
        sides = {
            int(datetime.fromisoformat(row["ds"]).replace(tzinfo=UTC).timestamp()) // 60: row[
                "side"
            ]
            for row in csv.DictReader(lines)
        }
    assert min(sides) == int(datetime.fromisoformat(UNTIL).timestamp()) // 60
    assert max(sides) > int(datetime(2018, 4, 24, 6, tzinfo=UTC).timestamp()) // 60
    decisions = run.sql("SELECT window_start, action, side_next, forecast_id FROM decisions")
    minutes = [micros(one["window_start"]) // 60_000_000 for one in decisions]
    assert sorted(minutes) == tape.closed_minutes()
    assert {one["forecast_id"] for one in decisions} == {folder.name}
    orders = run.sql(
        "SELECT d.window_start, o.side, o.price, o.quantity, o.executed"
        " FROM orders o JOIN decisions d USING (decision_id) ORDER BY d.window_start"
    )
    found = [
        (
            micros(one["window_start"]) // 60_000_000,
            one["side"],
            Decimal(one["price"]),
            Decimal(one["quantity"]),
            Decimal(one["executed"]),
        )
        for one in orders
    ]
    assert found == expected_orders(tape, sides)


def test_the_audit_is_clean_and_says_so_twice(run: PlatformRun) -> None:
    report = run.told("audit", "--json")
    assert report["ok"], report["checks"]
    landed = {one["topic"]: one["landed"] for one in report["partitions"]}
    assert landed["market.book"] == FRAMES
