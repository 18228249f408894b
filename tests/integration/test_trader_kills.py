"""The trader on a real broker and Postgres: each signal decided once, whatever kills it where."""

import math
import os
import signal
from decimal import Decimal as D
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from include.local import kafka
from include.market.events import Decision
from include.serving.account_states import halt, read_halt_reason, resume
from include.trading.decision import rederive
from include.trading.inputs import read
from tests.conftest import make_settings
from tests.support.services import eventually, running
from tests.support.trader_world import MINUTE, START, World, make_world

REASONS = ["forecast_silent", "forecast_silent", "buy", "already_in", "sell", "nothing_to_sell"]
WINDOWS = range(1, 7)


@pytest.fixture
def world(kafka_broker: str, postgres_dsn: dict[str, Any], tmp_path: Path) -> World:
    return make_world(kafka_broker, postgres_dsn, tmp_path)


def assert_all_done_once(world: World) -> None:
    """Hand-worked: buy at 9310 for 9000 USD, sell at 9500; fees 0.4 %.

    0.9 * 10000 / 9310 = 0.96670247; cost 8999.9999957, fee 35.99999999 (rounded up);
    proceeds 9183.673465, fee 36.73469386.
    """
    decisions: list[Decision] = world.events("decision")
    assert [one.reasons for one in decisions] == REASONS
    assert len({one.decision_id for one in decisions}) == 6
    assert [rederive(one) for one in decisions] == decisions
    kept = world.rows("SELECT decision_id, reasons, inputs FROM decisions ORDER BY window_start")
    assert kept == [(one.decision_id, one.reasons, one.inputs) for one in decisions]
    assert [(o.side, o.price, o.executed, o.status) for o in world.events("order")] == [
        ("buy", D(9310), D("0.96670247"), "filled"),
        ("sell", D(9500), D("0.96670247"), "filled"),
    ]
    assert [fill.fee for fill in world.events("fill")] == [D("35.99999999"), D("36.73469386")]
    (score,) = world.events("score")
    assert score.profit == D("110.93877545") == score.cumulative_profit
    assert world.rows("SELECT currency, amount FROM balances ORDER BY currency") == [
        ("BTC", D(0)),
        ("USD", D("10110.93877545")),
    ]
    assert [(b.currency, b.amount) for b in world.events("balance")] == [
        ("USD", D(10000)),
        ("BTC", D(0)),
        ("USD", D("964.00000431")),
        ("BTC", D("0.96670247")),
        ("USD", D("10110.93877545")),
        ("BTC", D(0)),
    ]


def test_each_signal_is_decided_once(world: World) -> None:
    world.produce(WINDOWS)
    with world.trader() as process:
        world.until_decided(6)
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(5) == 0
    assert_all_done_once(world)


@pytest.mark.parametrize("count", ["1", "4"])
@pytest.mark.parametrize("point", ["before commit", "after commit", "sent"])
def test_a_kill_loses_and_doubles_nothing(world: World, point: str, count: str) -> None:
    world.produce(WINDOWS)
    with world.trader(point, count) as process:
        assert process.wait(30) == -signal.SIGKILL
    with world.trader():
        world.until_decided(6)
    assert_all_done_once(world)


def test_a_lost_database_connection_is_survived(world: World) -> None:
    with world.trader() as process:
        world.produce(range(1, 4))
        world.until_decided(3)
        world.rows(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        world.produce(range(4, 7))
        world.until_decided(6)
        assert process.poll() is None
    assert "trader restarts its session" in world.log.read_text()
    assert_all_done_once(world)


def test_repeated_signals_and_a_halt_make_no_order(world: World) -> None:
    with world.trader():
        world.produce(range(1, 3))
        world.produce(range(1, 3))
        world.until_decided(2)
        halt(world.settings.dsn(), "by hand")
        world.produce(range(3, 4))
        world.until_decided(3)
        assert read_halt_reason(world.settings.dsn()) == "by hand"
        resume(world.settings.dsn())
        world.produce(range(4, 5))
        world.until_decided(4)
    reasons = [one.reasons for one in world.events("decision")]
    assert reasons == ["forecast_silent", "forecast_silent", "halted", "buy"]


def test_a_broker_killed_and_started_again_is_survived(
    postgres_dsn: dict[str, Any], tmp_path: Path
) -> None:
    own = make_settings(tmp_path / "broker")
    kafka.prepare(own)

    def broker() -> Any:
        return running(kafka.build_command(own), log=tmp_path / "kafka.log")

    with broker() as process:
        eventually(lambda: kafka.answers(own), what="the broker answers")
        world = make_world(own.bootstrap, postgres_dsn, tmp_path)
        world.produce(range(1, 5))
        with world.trader() as trader:
            world.until_decided(4)
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            with broker():
                eventually(lambda: kafka.answers(own), what="the broker answers again")
                world.produce(range(5, 7))
                world.until_decided(6)
                assert trader.poll() is None
                assert_all_done_once(world)


def test_a_second_trader_waits_for_the_first(world: World) -> None:
    world.produce(range(1, 3))
    with world.trader() as first:
        world.until_decided(2)
        with world.trader() as second:
            eventually(
                lambda: "another trader is running" in world.log.read_text(), what="it waits"
            )
            os.kill(first.pid, signal.SIGKILL)
            first.wait()
            world.produce(range(3, 7))
            world.until_decided(6)
            assert second.poll() is None
    assert_all_done_once(world)


def test_a_lost_database_gives_no_new_account_and_no_decision_twice(world: World) -> None:
    world.produce(range(1, 4))
    with world.trader() as process:
        world.until_decided(3)
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(5) == 0
    tables = "decisions, orders, fills, balances, scores, outbox, trader_state"
    world.rows(f"TRUNCATE {tables} RESTART IDENTITY; SELECT 1")
    world.produce(range(4, 7))
    with world.trader():
        world.until_decided(6)
    assert "account rebuilt from the lake" in world.log.read_text()
    assert_all_done_once(world)


def test_a_restarted_trader_puts_the_forecast_by_the_prices_of_its_earlier_decisions(
    world: World,
) -> None:
    """Killed after 65 windows: the volatility at the anchor goes on as if it had not been."""
    for windows in (range(1, 66), range(66, 76)):
        world.produce(windows)
        with world.trader() as process:
            world.until_decided(windows[-1])
            os.kill(process.pid, signal.SIGKILL)
            process.wait(5)
    anchors = [read(one.inputs).forecast.anchor for one in world.events("decision")]
    assert len(anchors) == 75
    for number, anchor in enumerate(anchors, start=1):
        assert anchor is not None
        assert (anchor.minute, anchor.price) == (START + (number - 1) * MINUTE, 9005 + 100 * number)
        logs = [math.log(9005 + 100 * n) for n in range(number, 0, -5)]
        changes = [later - earlier for later, earlier in pairwise(logs)]
        own = math.sqrt(sum(change**2 for change in changes) / max(len(changes), 1))
        assert anchor.volatility == pytest.approx(own if len(changes) >= 12 else 0.001)
