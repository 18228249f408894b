"""Backtest and replay of the real tape decide alike to the bit, and as an oracle works it out.

The oracle (`Facts` of `test_trader_tape`) reads the venue's JSON and shares no code with Tickhouse.
Paper and live mode join the comparison in `tests/integration/test_trader_same_decisions.py`.
"""

import csv
import gzip
import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal as D
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import cli
from include.settings import Settings, load
from include.trading.decision_log import log_line
from include.trading.inputs import read
from streaming.feeds.tape import read_tape
from streaming.trader.config import TraderConfig
from streaming.trader.forecasts import PublishedForecasts
from streaming.trader.rehearsal.lake import LakeSpan
from streaming.trader.rehearsal.rehearse import Step, rehearse
from streaming.trader.rehearsal.tapes import moments_of_tapes
from tests.support.recorded_world import CLOSED, SETTINGS, at, publish_forecast, write_lake
from tests.support.tape_facts import MINUTE, TAPE, UNTIL, Facts

IMBALANCE_RULE = "imbalance_and_mid"


@pytest.fixture(scope="module")
def settings(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    var = tmp_path_factory.mktemp("modes") / "var"
    env = {f"TICKHOUSE_{name}": value for name, value in SETTINGS.items()}
    found = load(env | {"TICKHOUSE_VAR": str(var)})
    publish_forecast(found.forecasts, world=found.world)
    write_lake(found.lake, shared_data)
    return found


def replayed(settings: Settings, tape: Path) -> list[Step]:
    known = PublishedForecasts(settings.forecasts, symbol="BTC-USD")
    return list(
        rehearse(
            moments_of_tapes([tape], settings),
            TraderConfig.from_settings(settings),
            in_force=known.in_force,
        )
    )


def backtested(settings: Settings, *, minutes: int = 60) -> list[Step]:
    span = LakeSpan(settings, start_at=at(UNTIL), end_at=at(UNTIL + minutes * MINUTE))
    return list(
        rehearse(span.moments(), TraderConfig.from_settings(settings), in_force=span.in_force)
    )


def lines(steps: list[Step]) -> list[str]:
    return [log_line(step.decision) for step in steps]


def test_backtest_and_replay_decide_alike_to_the_bit(settings: Settings, shared_data: Path) -> None:
    facts = Facts(shared_data / TAPE)
    steps = replayed(settings, shared_data / TAPE)
    for step, (action, quantity, price) in zip(steps, facts.expected()[:CLOSED], strict=True):
        assert (step.decision.action, step.decision.price) == (action, price)
        assert abs((step.decision.quantity or 0) - (quantity or 0)) <= D("1e-8")
    assert {step.decision.action for step in steps} == {"buy", "sell", "hold"}
    assert lines(backtested(settings)) == lines(steps)
    for step in steps:  # a flat forecast, put at the mid price of the window's end
        forecast, top = read(step.decision.inputs).forecast, step.top
        assert forecast.anchor is not None and forecast.level is not None and top is not None
        assert forecast.anchor.price == (top.bid + top.ask) / 2
        assert abs(forecast.level - float(forecast.anchor.price)) < 1e-6
        assert abs((forecast.upper or 0) / forecast.level - 9100 / 9000) < 1e-9


def test_the_second_rule_decides_alike_in_backtest_and_replay(
    settings: Settings, shared_data: Path
) -> None:
    by_imbalance = replace(settings, trader=replace(settings.trader, rule=IMBALANCE_RULE))
    steps = replayed(by_imbalance, shared_data / TAPE)
    assert {step.decision.action for step in steps} == {"buy", "sell", "hold"}
    intervals = [step.decision.window_start for step in steps]
    assert len(intervals) > 90  # seventeen minutes of six intervals
    assert all(one % 10_000_000 == 0 for one in intervals)
    assert sorted(set(intervals)) == intervals
    facts = Facts(shared_data / TAPE)
    for step in steps:
        shown = [facts.tops[n] for n, time in enumerate(facts.times) if time == step.at]
        top = step.top
        assert top is not None
        assert (top.bid, top.bid_quantity, top.ask, top.ask_quantity) in shown
        imbalance = (top.bid_quantity - top.ask_quantity) / (top.bid_quantity + top.ask_quantity)
        assert step.decision.ratio is not None
        assert abs(step.decision.ratio - imbalance) < D("1e-7")
    assert lines(backtested(by_imbalance)) == lines(steps)


def test_an_order_with_slippage_takes_the_levels_that_the_tape_had(
    settings: Settings, shared_data: Path
) -> None:
    deep = replace(settings, trader=replace(settings.trader, slippage_bps=D(5)))
    steps = replayed(deep, shared_data / TAPE)
    assert lines(backtested(deep)) == lines(steps)
    filled = [step for step in steps if len(step.fills) > 1]
    assert filled
    for step in filled:
        assert step.order is not None
        side = "ask" if step.order.side == "buy" else "bid"
        levels = levels_at(shared_data / TAPE, step.at)[side]
        ranked = sorted(levels.items(), reverse=side == "bid")[: len(step.fills)]
        taken = [(fill.price, fill.quantity) for fill in step.fills]
        assert taken[:-1] == ranked[:-1]
        assert taken[-1][0] == ranked[-1][0]
        assert taken[-1][1] <= ranked[-1][1]
    top_only = replayed(settings, shared_data / TAPE)
    assert sum(len(step.fills) for step in steps) > sum(len(step.fills) for step in top_only)


def levels_at(tape: Path, end: int) -> dict[str, dict[D, D]]:
    """The book at a time by the venue's JSON."""
    levels: dict[str, dict[D, D]] = {"bid": {}, "ask": {}}
    for frame in read_tape(tape):
        message = json.loads(frame.data)
        if message.get("timestampms", 0) * 1000 > end:
            break
        for one in message["events"]:
            if one["type"] == "change":
                levels[one["side"]].pop(D(one["price"]), None)
                if D(one["remaining"]):
                    levels[one["side"]][D(one["price"])] = D(one["remaining"])
    return levels


@pytest.mark.parametrize("rule", ["forecast_and_ratio", IMBALANCE_RULE])
def test_cutting_off_the_future_changes_no_decision(
    settings: Settings, shared_data: Path, tmp_path: Path, rule: str
) -> None:
    settings = replace(settings, trader=replace(settings.trader, rule=rule))
    all_lines = lines(replayed(settings, shared_data / TAPE))
    for kept in (3000, 6500):
        tape = cut(shared_data / TAPE, tmp_path / f"btcusd_{kept}", frames=kept)
        cut_lines = lines(replayed(settings, tape))
        assert 0 < len(cut_lines) < len(all_lines)
        assert cut_lines == all_lines[: len(cut_lines)]
    early = lines(backtested(settings, minutes=25))
    assert 0 < len(early) < len(all_lines)
    assert early == all_lines[: len(early)]


def cut(tape: Path, target: Path, *, frames: int) -> Path:
    for ending in (".jsonl.gz", ".recv.txt.gz"):
        with gzip.open(tape.with_name(tape.name + ending)) as source:
            head = [next(source) for _ in range(frames)]
        with gzip.open(target.with_name(target.name + ending), "wb") as file:
            file.writelines(head)
    return target


def test_the_verbs_leave_the_same_log_a_curve_and_a_picture(
    settings: Settings, shared_data: Path, tmp_path: Path
) -> None:
    env = {f"TICKHOUSE_{name}": value for name, value in SETTINGS.items()}
    env |= {"TICKHOUSE_VAR": str(settings.var)}
    sums = {}
    first, last = at(UNTIL), at(UNTIL) + timedelta(hours=1)
    for verb in (
        ["replay", "--tape", str(shared_data / TAPE)],
        ["backtest", "--from", f"{first:%Y-%m-%dT%H:%M}", "--to", f"{last:%Y-%m-%dT%H:%M}"],
    ):
        out = tmp_path / verb[0]
        done = CliRunner().invoke(cli, [*verb, "--out", str(out), "--json"], env=env)
        assert done.exit_code == 0, done.output
        sums[verb[0]] = json.loads(done.stdout) | {"folder": ""}
        assert (out / "equity.png").read_bytes().startswith(b"\x89PNG")
        assert len((out / "decisions.jsonl").read_text().splitlines()) == CLOSED
    assert sums["replay"] == sums["backtest"]
    with (tmp_path / "replay" / "equity.csv").open() as file:
        curve = list(csv.DictReader(file))
    assert len(curve) == CLOSED
    assert D(sums["replay"]["equity"]) == D(curve[-1]["equity"])
    bought = 10_000 / (D(curve[0]["ask"]) * D("1.004"))  # all of it, once, with the fee
    assert abs(D(sums["replay"]["hold"]) - bought * D(curve[-1]["bid"])) < D("0.01")
    spent = D(curve[-1]["quote"]) + D(curve[-1]["base"]) * D(curve[-1]["bid"])
    assert abs(D(sums["replay"]["equity"]) - spent) < D("0.00001")
