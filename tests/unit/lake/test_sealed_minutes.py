"""Days of minutes that were sealed: compared by their digests, counted again where they differ."""

import random
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from include.checks import Check
from include.lake import minutes
from include.lake.audit import landed_minutes
from include.lake.audit.agreement import check_agreement
from include.lake.audit.landed_minutes import LandedMinutes
from include.lake.recounted_minutes import minutes_before
from include.lake.tables import TRADE_MINUTES
from include.lake.writing import arrow_rows
from include.market.wire import Topic, TopicPartition
from tests.support.audited_lake import AuditedLake, clean_lake
from tests.support.landed_rows import AT, land, trade

DAY_S = 86_400
TRADES = TopicPartition(Topic.TRADES, 0)


def trades(chance: random.Random, first: int, end: int) -> list[dict[str, Any]]:
    """Trades of an hour of three days, some late and some twice."""
    return [
        trade(
            offset,
            str(chance.randrange(2 * end)),
            chance.choice(("buy", "sell", None)),
            str(chance.randrange(1, 9)),
            "1.5",
            s=chance.randrange(3) * DAY_S + chance.randrange(3600),
        )
        for offset in range(first, end)
    ]


def disturb(minutes: pa.Table, chance: random.Random) -> pa.Table:
    """The minutes without one, with one twice, with another value, or one of another day."""
    rows = minutes.to_pylist()
    if not rows:
        return minutes
    row = chance.choice(rows)
    match chance.randrange(5):
        case 0:
            rows.remove(row)
        case 1:
            rows.append(dict(row))
        case 2:
            row["total_count_sell"] += 1
        case 3:
            row["minute"] += timedelta(days=30)
    return arrow_rows(TRADE_MINUTES, rows)


@pytest.mark.parametrize("seed", range(6))
def test_a_check_by_sealed_days_is_the_check_of_the_whole_history(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(minutes, "CHUNK_HOURS", 24 * 365)  # one connection a count, not three
    chance, lake, sealed = random.Random(seed), str(tmp_path), None
    faults = 0
    for end in (20, 40):
        land(tmp_path, "trades", trades(chance, end - 20, end))
        for _ in range(3):
            offsets = {0: chance.randrange(end + 1)}
            held = disturb(minutes_before(lake, offsets), chance)
            expected = check_agreement(lake, offsets=offsets, served=held)
            by_days = LandedMinutes(lake, sealed)
            check = check_agreement(lake, offsets=offsets, served=held, landed_minutes=by_days)
            assert check == expected, (seed, offsets)
            faults += not check.ok
            if check.ok and chance.random() < 0.7:
                sealed = by_days.seal_at({0: chance.randrange(end + 1)})
    assert faults


class Counted:
    """Which days were counted, while everything else is as it is."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.days: set[date] = set()
        for name in ("minutes_before", "minutes_between"):
            monkeypatch.setattr(landed_minutes, name, self.note(getattr(landed_minutes, name)))

    def note(self, count: Callable[..., pa.Table]) -> Callable[..., pa.Table]:
        def counted(*given: Any, **more: Any) -> pa.Table:
            minutes = count(*given, **more)
            self.days |= {at.date() for at in minutes["minute"].to_pylist()}
            return minutes

        return counted


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    return Counted(monkeypatch)


@pytest.fixture
def world(tmp_path: Path) -> AuditedLake:
    """A lake with a trade on each of four days more, in a partition of its own."""
    audited = clean_lake(tmp_path)
    part = TopicPartition(Topic.TRADES, 2)
    rows = [
        trade(offset, f"n{offset}", "buy", "3", "2", s=offset * DAY_S)
        | {"partition": 2, "venue": "gemini", "conn": "n"}
        for offset in range(4)
    ]
    audited.land(part, rows, 4)
    return audited


def audit(world: AuditedLake, *, wrong_on: date | None = None, **options: Any) -> Check:
    """The agreement by an audit of the lake, of a reader that has a wrong row on a day."""
    ends = {part.partition: end for part, end in world.committed.items() if part[0] == TRADES.topic}
    rows = minutes_before(world.lake, ends).to_pylist()
    for row in rows:
        row["total_count_buy"] += row["minute"].date() == wrong_on
    served = arrow_rows(TRADE_MINUTES, rows)
    report = world.audit(
        other_checks=lambda landed: [
            check_agreement(world.lake, offsets=ends, served=served, landed_minutes=landed)
        ],
        **options,
    )
    assert report.ok or wrong_on, report.checks
    return next(check for check in report.checks if check.name.startswith("I3"))


def test_an_audit_counts_the_days_that_were_not_sealed(
    world: AuditedLake, counted: Counted
) -> None:
    days = [(AT + timedelta(days=number)).date() for number in range(4)]
    audit(world)
    assert counted.days == {*days}
    counted.days.clear()
    assert audit(world).ok
    assert counted.days == set()
    assert "1 of" in audit(world, wrong_on=days[1]).detail
    assert counted.days == {days[1]}
    counted.days.clear()
    late = trade(4, "late", "sell", "3", "2", s=2 * DAY_S) | {"partition": 2, "venue": "gemini"}
    world.land(TopicPartition(Topic.TRADES, 2), [late], 5)
    assert audit(world).ok
    assert counted.days == {days[2]}
    counted.days.clear()
    assert audit(world).ok
    assert counted.days == set()


@pytest.mark.parametrize("options", [{"full": True}, {"reseal": True}])
def test_an_audit_of_everything_counts_every_day(
    world: AuditedLake, counted: Counted, options: dict[str, bool]
) -> None:
    audit(world)
    counted.days.clear()
    assert audit(world, **options).ok
    assert len(counted.days) == 4


def test_trades_that_are_not_as_they_were_sealed_are_counted(
    world: AuditedLake, counted: Counted
) -> None:
    audit(world)
    counted.days.clear()
    world.delta("trades").update(updates={"price": "9"}, predicate="trade_id = 'n1'")
    ends = {part.partition: end for part, end in world.committed.items() if part[0] == TRADES.topic}
    served = minutes_before(world.lake, ends)
    report = world.audit(
        other_checks=lambda landed: [
            check_agreement(world.lake, offsets=ends, served=served, landed_minutes=landed)
        ]
    )
    assert not report.ok
    assert len(counted.days) == 4
