"""The short form of `./tickhouse bench endurance`: two days of the market, every job in them."""

import pytest

from bench.endurance import MarketPlan, measure
from tests.support.absences import describe_absence


def test_two_days_pass_with_every_job_and_a_clean_audit(request: pytest.FixtureRequest) -> None:
    if not request.config.getoption("--long"):
        command = "./tickhouse test tests/integration/test_endurance.py --long"
        pytest.skip(describe_absence("two days of the market take many minutes", command=command))
    lines: list[str] = []
    plan = MarketPlan(days=2, messages=12_000, rounds=1, day_s=15.0)
    rows = {row.name: row for row in measure(plan, print_line=lines.append)}
    assert rows["failed jobs and checks"].value == 0, lines
    assert rows["kept"].value > 0 and rows["write amplification"].value > 0
    jobs = ("heal", "check", "join", "forecast", "restate", "compact", "prune", "audit")
    for name in ("broker", "postgres", "stream", "minutes", *jobs):
        assert rows[f"processor of {name}"].value > 0, name
        assert rows[f"memory of {name}"].value > 0, name
        assert rows[f"written by {name}"].value >= 0, name
        assert any(line.startswith(f"day 2, {name}: ") for line in lines), name
    assert rows["landing p99"].value > rows["landing p50"].value > 0
