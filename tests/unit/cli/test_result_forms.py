"""Results as JSON: every column, and nothing that JSON does not have."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from cli.console import render_rows

LAST, FIRST = "9999-12-31T23:59:59.999999", "0001-01-01T00:00:00"


def objects(columns: list[str], *rows: tuple[Any, ...]) -> Any:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    return json.loads(render_rows(columns, rows, form="json"), parse_constant=refuse)


def test_columns_of_one_name_are_all_there() -> None:
    assert objects(["a", "a", "a_1"], (1, 2, 3)) == [{"a": 1, "a_1": 2, "a_1_1": 3}]


@pytest.mark.parametrize(
    ("value", "in_json"),
    [
        (float("nan"), None),
        ([float("nan"), 1.0], [None, 1.0]),
        ({"a": {"b": float("inf")}}, {"a": {"b": None}}),
        ({Decimal("1.50"): (b"x", Decimal("2.0"))}, {"1.50": ["x", "2.0"]}),
        ([datetime(2026, 11, 21, tzinfo=UTC)], ["2026-11-21T00:00:00+00:00"]),
        (datetime.fromisoformat(LAST), "infinity"),
        (datetime.fromisoformat(FIRST), "-infinity"),
        (datetime.fromisoformat(f"{LAST}+00:00"), f"{LAST}+00:00"),
    ],
)
def test_values_are_carried_inside_of_others_too(value: Any, in_json: Any) -> None:
    assert objects(["x"], (value,)) == [{"x": in_json}]
