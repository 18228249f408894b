"""Decisions and orders of Postgres against the lake; decisions that were made twice."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from include.checks import Check
from include.lake.audit.served import (
    TRADING,
    check_repeats,
    check_trading,
    find_due,
)
from tests.support.audited_lake import DECISIONS, ORDERS, trading
from tests.support.landed_rows import AT, land


def lake(path: Path, *, repeated: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """Of the lake's rows the first is from before there were accounts."""
    for name, part in (("decisions", DECISIONS), ("orders", ORDERS)):
        land(path, name, [trading(part, 0) | {"account": None}])
        land(path, name, [trading(part, offset) for offset in range(1, 5)])
    if repeated is not None:
        land(path, "decisions", [trading(DECISIONS, 2) | {"offset": 5} | repeated])
    return [trading(DECISIONS, offset) for offset in range(5)]


def is_pending(key: str) -> bool:
    return key == "d9"


def check_served(path: Path, name: str, served: list[dict[str, Any]], **more: Any) -> Check:
    decisions, keep_days = more.get("decisions", served), more.get("keep_days", 90)
    is_due = find_due(name, decisions, keep_days=keep_days, now=AT + timedelta(days=10))
    return check_trading(str(path), name, served, is_pending=is_pending, is_due=is_due)


@pytest.mark.parametrize("name", list(TRADING))
def test_what_only_postgres_has_or_has_otherwise_is_named(tmp_path: Path, name: str) -> None:
    served = lake(tmp_path)
    key = TRADING[name][0]
    assert check_served(tmp_path, name, served).ok
    new = served[0] | {key: "x7"}
    check = check_served(tmp_path, name, [*served, new])
    assert f"1 of 6 {name}: x7 is only in Postgres; `./tickhouse doctor" in check.detail
    changed = [served[0] | {"price": Decimal(77), "quantity": Decimal(3)}, *served[1:]]
    check = check_served(tmp_path, name, changed)
    assert not check.ok
    assert "0 has other values in the lake" in check.detail
    pending = served[0] | {key: "d9"}
    assert check_served(tmp_path, name, [*served, pending]).ok


@pytest.mark.parametrize("name", list(TRADING))
def test_what_only_the_lake_has_is_named(tmp_path: Path, name: str) -> None:
    decisions = lake(tmp_path)
    served = [row for row in decisions if row["decision_id"] != "d2"]
    with_decision = decisions if name == "orders" else served
    check = check_served(tmp_path, name, served, decisions=with_decision)
    assert f"{TRADING[name][0][0]}2 is only in the lake; `./tickhouse doctor" in check.detail


def test_what_postgres_let_go_is_no_fault(tmp_path: Path) -> None:
    """Before its first decision, behind its last, and between, beyond the days that it keeps."""
    decisions = lake(tmp_path)
    assert check_served(tmp_path, "decisions", decisions[1:4]).ok
    assert check_served(tmp_path, "orders", decisions[1:4]).ok
    land(tmp_path, "decisions", [trading(DECISIONS, 9) | {"window_start": AT + timedelta(days=9)}])
    kept = [decisions[0], trading(DECISIONS, 9) | {"window_start": AT + timedelta(days=9)}]
    assert check_served(tmp_path, "decisions", kept, keep_days=8).ok
    assert not check_served(tmp_path, "decisions", kept, keep_days=9 + 1).ok


def test_a_decision_of_2099_makes_no_other_one_old_or_due(tmp_path: Path) -> None:
    decisions = lake(tmp_path)
    future = trading(DECISIONS, 9) | {"window_start": AT.replace(year=2099)}
    land(tmp_path, "decisions", [future, trading(DECISIONS, 7)])  # it is not served yet
    assert check_served(tmp_path, "decisions", [*decisions, future]).ok
    lacking = check_served(tmp_path, "decisions", [*decisions[:2], *decisions[3:], future])
    assert "1 of 5 decisions: d2 is only in the lake" in lacking.detail


def test_a_decision_that_was_made_twice_is_named(tmp_path: Path) -> None:
    lake(tmp_path, repeated={"seq_first": 99})
    check = check_repeats(str(tmp_path))
    assert "1 decisions were made more than once: d2 2 times, at offsets 2 to 5" in check.detail


def test_a_decision_that_was_sent_twice_is_none(tmp_path: Path) -> None:
    lake(tmp_path, repeated={})
    assert check_repeats(str(tmp_path)).ok
